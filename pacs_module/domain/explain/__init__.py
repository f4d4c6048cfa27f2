"""Explain: what people read of a study: story, timeline, log lines, outages."""
