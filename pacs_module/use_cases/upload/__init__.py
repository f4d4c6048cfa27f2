"""Send hand-overs to the destinations beside the AI backend."""
