"""Stores: where the study documents are kept: SQLite, MongoDB, or memory for tests."""
