"""What watches our own SCP and clock."""
