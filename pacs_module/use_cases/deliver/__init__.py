"""Deliver: from a hand-over to the backend's result."""
