"""Deliver: publish a hand-over, bring it to the backend, take the result, archive and release it."""
