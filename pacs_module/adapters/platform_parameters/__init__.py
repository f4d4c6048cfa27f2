"""Where parameters come from, and where the last good set is kept."""
