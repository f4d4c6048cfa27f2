"""Destinations out of the settings."""
