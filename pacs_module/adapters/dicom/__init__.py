"""DICOM: who asks a PACS (C-FIND through Orthanc or by pynetdicom), and the associations of the probe."""
