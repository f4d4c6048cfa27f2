"""Tests of one disaster each, with real processes."""
