"""Reports and quality records: where they are kept, and the platform, the RIS and HL7 behind their ports."""
