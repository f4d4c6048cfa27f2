"""The orchestration service of the AI pull pipeline."""
