"""What somebody has to be told of: which alarms there are now, and when and to whom each is told."""
