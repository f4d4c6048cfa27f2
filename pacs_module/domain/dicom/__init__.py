"""DICOM: attributes of answers and images, damaged text, numbers and geometry; nothing that talks."""
