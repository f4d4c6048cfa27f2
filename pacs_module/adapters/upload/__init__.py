"""Destinations beside the AI backend, one protocol each."""
