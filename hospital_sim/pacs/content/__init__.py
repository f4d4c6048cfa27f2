"""What a simulated PACS holds: studies as values, images made when they are pulled, images that were stored."""
