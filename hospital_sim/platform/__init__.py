"""A regional platform to run against, with bad habits."""
