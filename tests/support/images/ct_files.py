"""CT images as files, for tests that need a folder and no server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian


def ct_file(
    path: Path,
    study_uid: str,
    series_uid: str,
    number: int,
    pixels: npt.NDArray[Any] | None = None,
    **values: Any,
) -> Dataset:
    """Write one image of 16 x 16, or of these pixels; a value of None removes an attribute."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"{series_uid}.{number}"
    image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
    image.PatientID, image.PatientName, image.AccessionNumber = "P1", "Chest^Test", "A1"
    image.StudyDate, image.Modality, image.BodyPartExamined, image.InstanceNumber = (
        "20200618",
        "CT",
        "CHEST",
        number,
    )
    image.Rows, image.Columns = (16, 16) if pixels is None else pixels.shape
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 0, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.PixelData = bytes(512) if pixels is None else pixels.tobytes()
    for keyword, value in values.items():
        if value is None:
            delattr(image, keyword)
        else:
            setattr(image, keyword, value)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID, image.file_meta.MediaStorageSOPInstanceUID = (
        image.SOPClassUID,
        image.SOPInstanceUID,
    )
    image.save_as(path, enforce_file_format=True)
    return image
