"""Pull: which study is moved next, from which PACS, and who is to blame when that fails."""
