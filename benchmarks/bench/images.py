"""CT images of real size as files, made quickly: one image with other UIDs and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

ROOT = "2.25.7700"
MATRIX = 512
PATIENT = "BENCH"


@dataclass(frozen=True)
class Written:
    """A study of one series, and its files."""

    study_uid: str
    series_uid: str
    files: tuple[Path, ...]


def write_images(folder: Path, studies: Sequence[int], matrix: int = MATRIX) -> list[Written]:
    """Studies of so many images each."""
    pixels = np.random.default_rng(1).integers(0, 2000, (matrix, matrix), dtype=np.uint16).tobytes()
    return [
        _study(folder / str(place), place, images, pixels, matrix) for place, images in enumerate(studies)
    ]


def _study(folder: Path, place: int, images: int, pixels: bytes, matrix: int) -> Written:
    folder.mkdir(parents=True)
    study, series = f"{ROOT}.{place}", f"{ROOT}.{place}.1"
    dataset = _header(study, series, place, pixels, matrix)
    files = []
    for number in range(1, images + 1):
        dataset.SOPInstanceUID = f"{series}.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = [0, 0, number]
        dataset.SliceLocation = number
        file = folder / f"{number:05d}.dcm"
        dataset.save_as(file, enforce_file_format=True)
        files.append(file)
    return Written(study, series, tuple(files))


def _header(study: str, series: str, place: int, pixels: bytes, matrix: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    texts = {
        "SOPClassUID": CTImageStorage, "StudyInstanceUID": study, "SeriesInstanceUID": series, "PatientID": PATIENT,
        "PatientName": "Bench^Mark", "AccessionNumber": f"BENCH{place}", "StudyID": str(place), "Modality": "CT",
        "StudyDate": "20261121", "StudyTime": "100000", "SeriesDate": "20261121", "SeriesTime": "100100",
        "BodyPartExamined": "CHEST", "ProtocolName": "CHEST", "StudyDescription": "CHEST CT",
        "SeriesDescription": "CHEST 1.0 B30f", "ConvolutionKernel": "B30f", "SliceThickness": "1",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SeriesNumber": 1, "PhotometricInterpretation": "MONOCHROME2",
        "FrameOfReferenceUID": f"{study}.9", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.7, 0.7],
        "Rows": matrix, "Columns": matrix, "SamplesPerPixel": 1, "BitsAllocated": 16, "BitsStored": 16,
        "HighBit": 15, "PixelRepresentation": 0, "RescaleIntercept": "-1024", "RescaleSlope": "1",
        "Manufacturer": "SIEMENS", "StationName": "CT1",
    }  # fmt: skip
    for name, value in texts.items():
        setattr(dataset, name, value)
    dataset.add_new("PixelData", "OW", pixels)
    return dataset
