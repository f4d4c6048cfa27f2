"""The audit trail on disk, and its way to a receiver of DICOM audit messages."""
