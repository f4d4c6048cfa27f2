"""The gateway's side of the HTTP API: quarantine, rates, and the platform's parameters."""
