"""Stores: where the study documents are kept."""
