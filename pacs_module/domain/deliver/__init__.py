"""Deliver: what a copy without names has instead of them."""
