"""Follow the scan: series of a growing study, told by their own counts."""
