"""Files: hand-overs, copies, archive and reports on disk."""
