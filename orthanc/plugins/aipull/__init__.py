"""The AI pull plugins of the receiving Orthanc."""
