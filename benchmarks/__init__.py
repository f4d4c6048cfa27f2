"""Side-by-side measurements; each prints a table and states what it compares."""
