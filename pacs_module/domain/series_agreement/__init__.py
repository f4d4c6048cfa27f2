"""Which images of one series agree with each other, and which are odd (K3)."""
