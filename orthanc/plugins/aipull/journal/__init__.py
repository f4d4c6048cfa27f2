"""Journal: the plugins' memory on disk."""
