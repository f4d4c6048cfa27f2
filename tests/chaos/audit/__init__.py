"""What became of a run, judged from outside: the PACS, the backend's own record, the platform."""
