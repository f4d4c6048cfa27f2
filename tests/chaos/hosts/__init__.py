"""Three machines, each a network namespace: cut off, killed, paused, and split in two."""
