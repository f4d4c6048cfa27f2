"""Queue: RabbitMQ, and its stand-in in memory."""
