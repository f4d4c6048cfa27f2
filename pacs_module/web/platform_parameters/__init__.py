"""The platform's parameters over HTTP."""
