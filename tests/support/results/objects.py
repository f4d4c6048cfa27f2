"""Result objects as a backend makes them, by pydicom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

CLASSES = {
    "SR": "1.2.840.10008.5.1.4.1.1.88.33",
    "OT": "1.2.840.10008.5.1.4.1.1.7",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
    "DOC": "1.2.840.10008.5.1.4.1.1.104.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
}


def result_object(
    file: Path, study_uid: str, patient_id: str, modality: str = "SR", **more: Any
) -> FileDataset:
    """Write one object; ``more``: attributes by keyword, None to leave one out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(CLASSES[modality])
    told: Mapping[str, Any] = {
        "SOPClassUID": CLASSES[modality], "SOPInstanceUID": str(generate_uid()), "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": str(generate_uid()), "PatientID": patient_id, "PatientName": "", "Modality": modality,
        "SeriesDescription": "AI", "InstanceNumber": "1", **more,
    }  # fmt: skip
    meta.MediaStorageSOPInstanceUID = UID(str(told["SOPInstanceUID"]))
    dataset = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in told.items():
        if value is not None:
            setattr(dataset, keyword, value)
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)
    return dataset


def reference_to(sop_class: str, sop_uid: str) -> Dataset:
    """An item that refers to an image."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
    return item
