"""Results of a backend for tests: their objects, the PACS they go to, the worker that sends them."""
