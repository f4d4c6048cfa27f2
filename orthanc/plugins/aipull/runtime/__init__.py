"""Runtime: environment, clock and threads of the plugins."""
