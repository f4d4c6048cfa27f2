"""``make bench``: every claim of speed as a row, ours against what a user would take instead, in one run."""
