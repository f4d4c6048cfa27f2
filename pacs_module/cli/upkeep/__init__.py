"""Commands that keep an installation: backup and restore."""
