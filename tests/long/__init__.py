"""Runs that take minutes: `make long-test`."""
