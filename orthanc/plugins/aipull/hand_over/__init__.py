"""Hand over: the chosen series in the backend's folder, and pacs_module told of it."""
