"""Explain: what people read of a study."""
