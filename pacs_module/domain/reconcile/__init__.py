"""Reconcile: our studies compared with the PACS's list."""
