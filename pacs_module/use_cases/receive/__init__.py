"""Receive: the notifications of the plugins, and their questions about studies that are pushed."""
