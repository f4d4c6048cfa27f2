"""Fetch the platform's parameters, keep the last good set, and have it take effect."""
