"""Pull: choose the next study, ask the plugins to move it, and write down how that ended."""
