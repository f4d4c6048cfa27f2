"""The audit trail: who saw and did what, as entries that hang together, and as DICOM audit messages."""
