"""Receive: what came, counted and judged."""
