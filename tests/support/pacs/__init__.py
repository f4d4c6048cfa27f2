"""PACS for tests: real ones, and sockets that answer with given bytes."""
