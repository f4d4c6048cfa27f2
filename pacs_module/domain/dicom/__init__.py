"""DICOM: attributes, texts, numbers and geometry."""
