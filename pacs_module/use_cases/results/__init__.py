"""Take what a backend sent back, and make DICOM objects of what it sent as JSON."""
