"""The service: wiring, loops and health of one pacs_module process."""
