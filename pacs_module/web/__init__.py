"""The HTTP side of pacs_module."""
