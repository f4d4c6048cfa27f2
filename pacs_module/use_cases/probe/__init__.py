"""Probe: what a PACS can do."""
