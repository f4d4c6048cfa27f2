"""The study: its document, its states and events, its hand-overs, its priority, its growth checks."""
