"""What `make` runs besides the pipeline itself."""
