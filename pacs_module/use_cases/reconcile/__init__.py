"""Reconcile: a day of the PACS compared with ours, and what is missing pulled."""
