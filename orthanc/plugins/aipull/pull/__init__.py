"""Pull: C-MOVEs of what pacs_module asks for, as many at once as the RAM disk has room for."""
