"""
Commands that keep an installation: backup and restore, how large its box has to be, what its PACS can do.
"""
