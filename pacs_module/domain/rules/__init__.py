"""Rules: which series are taken, and which of them the AI computes."""
