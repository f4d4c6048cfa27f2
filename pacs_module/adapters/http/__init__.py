"""HTTP: the links to the plugins and to the backend."""
