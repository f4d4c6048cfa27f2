"""Validation (E1): whether an image that arrived may pass on, and what becomes of one that may not."""
