"""Recover: what a dead process or a lost record has left behind is taken up again."""
