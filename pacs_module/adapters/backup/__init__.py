"""Backups: the archive, and copies of stores while they are used."""
