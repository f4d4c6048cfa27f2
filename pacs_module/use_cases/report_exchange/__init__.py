"""Reports and quality records: taken in, sent, compared (E7, E8)."""
