"""What the chaos runs break, and what they break it with."""
