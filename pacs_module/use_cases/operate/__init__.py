"""Operate: what a person asks for by hand."""
