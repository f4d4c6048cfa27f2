"""Results out of the settings."""
