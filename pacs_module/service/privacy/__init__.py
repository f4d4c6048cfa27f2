"""Wiring of what removes patients' data."""
