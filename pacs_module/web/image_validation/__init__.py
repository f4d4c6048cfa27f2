"""The quarantine over HTTP."""
