"""The site's switches of an edge gateway (SITE_CONFIG): what arrives is tested before it goes on."""

VALIDATE = True
# Who may send, beside the PACS in Orthanc's DicomModalities; with a port it has to answer a C-ECHO there.
VALIDATION_SENDERS = ["CT1@10.1.2.3", "DR7@10.1.2.4:104"]
VALIDATION_CALLED_AETS = ["AIPULL"]
VALIDATION_MANDATORY = [
    "PatientID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality",
]  # fmt: skip
VALIDATION_TOLERANCE_PERCENT = 2.0
QUARANTINE_MAX_DAYS = 30.0
