"""DICOM: attributes, texts, and the network."""
