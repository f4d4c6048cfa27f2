"""Commands that keep an installation: backup and restore, and how large its box has to be."""
