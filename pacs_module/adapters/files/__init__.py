"""Files: hand-over folders, copies without names, the archive of computed series, and reports."""
