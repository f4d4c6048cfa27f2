"""Wire: the JSON between pacs_module, the plugins and the backend, and how it is read without trust."""
