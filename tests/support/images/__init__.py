"""Images for tests: small, plain, or harmful."""
