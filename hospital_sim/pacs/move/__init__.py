"""C-MOVE at the simulated PACS: which images a request means, and the service that sends them."""
