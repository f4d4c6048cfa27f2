"""Find: which studies the PACS has, and when they have stopped growing."""
