"""What people see and decide of validation (E1), and how fast images come (E2)."""
