"""What the pages show: one view model a page, made of the store and of what the service tells of itself."""
