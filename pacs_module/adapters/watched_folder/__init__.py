"""Files that are taken in from a folder: where they are found, and where they are put."""
