"""What is exchanged beside images (E7, E8): reports and quality data, to the platform and back to the RIS."""
