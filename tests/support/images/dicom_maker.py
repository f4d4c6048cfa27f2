"""Small DICOM images (16 x 16) for tests, with headers as the test wants them, and their way into a PACS."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from hospital_sim.sending.scu import Association, Pacs

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DX_IMAGE = "1.2.840.10008.5.1.4.1.1.1.1"
ROOT = "1.2.826.0.1.3680043.10.1234"
_numbers = count(1)

CHEST_CT: dict[str, Any] = {
    "Modality": "CT",
    "BodyPartExamined": "CHEST",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "SliceThickness": "1.0",
    "ConvolutionKernel": "B30f",
    "ProtocolName": "Thorax",
    "SeriesDescription": "Lung 1.0",
    "StudyDescription": "111",
}
CHEST_DX: dict[str, Any] = {
    "Modality": "DX",
    "BodyPartExamined": "CHEST",
    "ImageType": ["ORIGINAL", "PRIMARY", ""],
    "SeriesDescription": "PA",
    "StudyDescription": "111",
}


@dataclass
class Study:
    """A study to be put into a PACS: identity, and its images so far."""

    name: str
    date: str
    uid: str = field(default_factory=lambda: f"{ROOT}.{next(_numbers)}")
    time: str = "101500"
    images: list[Dataset] = field(default_factory=list)

    def add_series(
        self, instances: int, template: dict[str, Any], first: int = 1, uid: str = "", **tags: Any
    ) -> str:
        """
        Make the images of one series (or more images of it, from instance number ``first``, under the same
        ``uid``).

        Returns:
            The SeriesInstanceUID.
        """
        uid = uid or f"{self.uid}.{len({image.SeriesInstanceUID for image in self.images}) + 1}"
        for number in range(first, first + instances):
            self.images.append(self._image(uid, number, {**template, **tags}))
        return uid

    def _image(self, series_uid: str, number: int, tags: dict[str, Any]) -> Dataset:
        image = Dataset()
        image.SpecificCharacterSet = "ISO_IR 192"
        image.SOPClassUID = DX_IMAGE if tags["Modality"] in ("DX", "DR", "CR") else CT_IMAGE
        image.SOPInstanceUID = f"{series_uid}.{number}"
        image.StudyInstanceUID, image.SeriesInstanceUID = self.uid, series_uid
        image.StudyDate, image.StudyTime = self.date, self.time
        image.AccessionNumber, image.PatientID = f"ACC{self.name}", f"PID{self.name}"
        image.PatientName = "Test^Patient"
        image.InstanceNumber = number
        image.ImagePositionPatient = [0, 0, float(number)]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing = [1.0, 1.0]
        image.RescaleIntercept, image.RescaleSlope = -1024, 1
        image.Rows = image.Columns = 16
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 0, 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.PixelData = bytes((index * 7 + number) % 256 for index in range(16 * 16 * 2))
        for keyword, value in tags.items():
            setattr(image, keyword, value)
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        return image


def store(pacs: Pacs, images: Iterable[Dataset], calling: str = "CT1") -> int:
    """Send images by C-STORE; returns how many."""
    images = list(images)
    contexts = sorted({(str(image.SOPClassUID), (str(ExplicitVRLittleEndian),)) for image in images})
    with Association(pacs, calling, contexts) as association:
        for image in images:
            association.store(image, str(image.SOPInstanceUID))
    return len(images)
