"""Rehearse: what other rules would have done with the headers that were judged (M36)."""
