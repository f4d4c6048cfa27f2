"""Wiring of what is exchanged beside images."""
