"""What somebody stored by C-STORE: kept as the bytes that came, indexed by their headers."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom.dsutils import decode, encode

from hospital_sim.pacs.content.studies import NATIVE, Archive, Attributes, Encoded, Series, Study
from hospital_sim.pacs.wire.data_sets import decode_flat, tag_of
from hospital_sim.pacs.wire.text import TextCoding

_STUDY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "StudyInstanceUID", "StudyID",
    "StudyDate",
    "StudyTime", "AccessionNumber", "StudyDescription", "ReferringPhysicianName", "InstitutionName",
)  # fmt: skip
_SERIES = (
    "SeriesInstanceUID", "SeriesNumber", "Modality", "SeriesDescription", "ProtocolName", "SeriesDate",
    "SeriesTime",
    "Manufacturer", "ManufacturerModelName", "StationName", "BodyPartExamined", "ImageType", "SliceThickness",
    "ConvolutionKernel", "PerformedProcedureStepDescription",
)  # fmt: skip
_IMAGE = (
    "InstanceNumber",
    "Rows",
    "Columns",
    "ImageComments",
    "ContentDate",
    "ContentTime",
    "AcquisitionNumber",
)
_TAGS = [tag_of(one) for one in ("SpecificCharacterSet", *_STUDY, *_SERIES, *_IMAGE)]
_IMPLICIT = str(ImplicitVRLittleEndian)


@dataclass(frozen=True, slots=True)
class Received:
    """One image as it came."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str
    data: bytes | Path
    attributes: Attributes


class StoredImages:
    """The images of one stored series, in the order in which they came; one sent again replaces the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: list[str] = []
        self._images: dict[str, Received] = {}

    def put(self, image: Received) -> None:
        """Keep one image."""
        with self._lock:
            if image.sop_instance not in self._images:
                self._order.append(image.sop_instance)
            self._images[image.sop_instance] = image

    def _at(self, index: int) -> Received:
        with self._lock:
            return self._images[self._order[index]]

    def visible(self, now: dt.datetime) -> int:
        """All that have come."""
        del now
        return len(self._order)

    def uid(self, index: int) -> str:
        """SOPInstanceUID."""
        return self._order[index]

    def sop_class(self, index: int) -> str:
        """SOPClassUID."""
        return self._at(index).sop_class

    def contexts(self) -> set[tuple[str, str]]:
        """SOP Class and transfer syntax of all images, native ones as explicit and implicit VR."""
        with self._lock:
            own = {(one.sop_class, one.transfer_syntax) for one in self._images.values()}
        return {
            (sop_class, one)
            for sop_class, syntax in own
            for one in (NATIVE if syntax in NATIVE else (syntax,))
        }

    def attributes(self, index: int) -> Attributes:
        """What IMAGE level knows."""
        return self._at(index).attributes

    def encoded(self, index: int, coding: TextCoding | None, syntaxes: tuple[str, ...]) -> Encoded:
        """The bytes as they came; an uncompressed image in the other VR form where only that is taken."""
        del coding  # what was stored is given back as it is
        one = self._at(index)
        data = one.data if isinstance(one.data, bytes) else one.data.read_bytes()
        if (
            one.transfer_syntax in syntaxes
            or one.transfer_syntax not in NATIVE
            or not set(NATIVE) & set(syntaxes)
        ):
            return Encoded(one.sop_class, one.sop_instance, one.transfer_syntax, data)
        other = next(syntax for syntax in NATIVE if syntax in syntaxes)
        recoded = encode(
            decode(BytesIO(data), one.transfer_syntax == _IMPLICIT, True), other == _IMPLICIT, True
        )
        return Encoded(one.sop_class, one.sop_instance, other, recoded or data)


class Store:
    """Takes images in; ``folder``, if given, keeps them as files instead of in memory."""

    def __init__(self, archive: Archive, folder: Path | None = None) -> None:
        self._archive = archive
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def add(
        self, sop_class: str, sop_instance: str, transfer_syntax: str, data: bytes, now: dt.datetime
    ) -> dict[str, str]:
        """
        Keep one image and index its study and series.

        Returns:
            Its attributes as text.

        Raises:
            ValueError: No StudyInstanceUID or SeriesInstanceUID in it.
        """
        values = decode_flat(data, implicit=transfer_syntax == _IMPLICIT, tags=_TAGS)
        study_uid, series_uid = values.get("StudyInstanceUID", ""), values.get("SeriesInstanceUID", "")
        if not study_uid or not series_uid:
            raise ValueError("no StudyInstanceUID or SeriesInstanceUID")
        kept: bytes | Path = data
        if self._folder is not None:
            kept = _write(self._folder, sop_class, sop_instance, transfer_syntax, data)
        attributes = {name: values[name] for name in _IMAGE if name in values}
        image = Received(sop_class, sop_instance, transfer_syntax, kept, attributes)
        with self._archive.lock:
            self._images(values, study_uid, series_uid, now).put(image)
        return values

    def _images(
        self, values: dict[str, str], study_uid: str, series_uid: str, now: dt.datetime
    ) -> StoredImages:
        study = self._archive.study(study_uid)
        if study is None:
            attributes = {name: values[name] for name in _STUDY if name in values}
            study = Study(
                len(self._archive), study_uid, attributes, values.get("SpecificCharacterSet", ""), now
            )
            self._archive.add(study)
        found = next((one for one in study.series if one.uid == series_uid), None)
        if found is None:
            own = {name: values[name] for name in _SERIES if name in values}
            found = Series(series_uid, values.get("Modality", ""), own, StoredImages())
            self._archive.add_series(study, found)
        if not isinstance(found.images, StoredImages):
            raise ValueError(f"series {series_uid} is a planned one")
        return found.images


def _write(folder: Path, sop_class: str, sop_instance: str, transfer_syntax: str, data: bytes) -> Path:
    """As a DICOM file: preamble and file meta information (PS3.10 7.1), then the bytes that came."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), UID(sop_instance)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    head = DicomBytesIO(b"\0" * 128 + b"DICM")
    head.seek(132)
    write_file_meta_info(head, meta, enforce_standard=True)
    path = folder / f"{sop_instance}.dcm"
    path.write_bytes(head.getvalue() + data)
    return path
