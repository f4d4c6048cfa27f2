"""The study: its document, its states, its priority."""
