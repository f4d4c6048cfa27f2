"""Parameters that the regional platform sets (E4)."""
