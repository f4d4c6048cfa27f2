"""What stands between the network and the routes: access, bounds, and answers."""
