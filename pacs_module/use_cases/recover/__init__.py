"""Recover: what a process left behind that died."""
