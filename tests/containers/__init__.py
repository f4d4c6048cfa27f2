"""The docker-compose stack itself: `make compose-test`."""
