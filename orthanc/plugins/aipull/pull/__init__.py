"""Pull: which study is moved next, from where, and whether there is room for it."""
