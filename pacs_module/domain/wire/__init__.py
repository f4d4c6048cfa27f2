"""Wire: the messages between the processes."""
