"""Servers for tests other than PACS, and what is needed to speak to them."""
