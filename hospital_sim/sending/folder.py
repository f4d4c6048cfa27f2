"""Sends a user's own DICOM files to the PACS, unchanged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from hospital_sim.sending.events import Event, OnEvent, ignore
from hospital_sim.sending.scu import CONTEXTS_PER_ASSOCIATION, Association, Pacs, check_listening

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"  # DICOMDIR, not an image (PS3.10)
TAGS = [
    "SpecificCharacterSet", "StudyDate", "SeriesDate", "PatientID", "AccessionNumber", "StudyInstanceUID",
    "SeriesInstanceUID", "StudyDescription", "SeriesDescription", "Modality", "BodyPartExamined",
]  # fmt: skip


class EmptyFolderError(Exception):
    """There is no DICOM file to send."""


@dataclass(frozen=True)
class DicomFile:
    """A file that can be sent: its path, SOP Class and transfer syntax, and what the summary needs of it."""

    path: Path
    sop_class: str
    transfer_syntax: str
    values: dict[str, str]


@dataclass
class SeriesSummary:
    """What was sent of one series."""

    series_uid: str
    description: str
    modality: str
    body_part: str
    instances: int = 0


@dataclass
class StudySummary:
    """What was sent of one study; ``dates`` as in the files (YYYYMMDD)."""

    study_uid: str
    dates: list[str]
    patient_id: str
    accession_number: str
    description: str
    series: dict[str, SeriesSummary] = field(default_factory=dict)

    @property
    def instances(self) -> int:
        """Number of files sent."""
        return sum(one.instances for one in self.series.values())

    def as_json(self) -> dict[str, Any]:
        """For ``send-folder --json``."""
        return {
            "studyUID": self.study_uid,
            "dates": self.dates,
            "patientID": self.patient_id,
            "accessionNumber": self.accession_number,
            "description": self.description,
            "instances": self.instances,
            "series": [asdict(one) for one in self.series.values()],
        }


def send_folder(
    folder: Path,
    pacs: Pacs,
    *,
    calling_ae_title: str = "SIMSEND",
    on_event: OnEvent = ignore,
    on_skip: Callable[[Path, str], None] = lambda path, reason: None,
) -> list[StudySummary]:
    """
    Send every DICOM file below a folder, study by study, byte for byte.

    Args:
        folder: Where to look, recursively.
        pacs: Where to send.
        calling_ae_title: Our AE title.
        on_event: As in ``department.send_day``.
        on_skip: Called with path and reason for each file that is not sent.

    Returns:
        One summary a study, in the order of the paths.

    Raises:
        EmptyFolderError: No such folder, or no DICOM file in it.
        StoreError: The PACS cannot be reached or refuses a file.
    """
    by_study: dict[str, list[DicomFile]] = {}
    for one in find_dicom(folder, on_skip):
        by_study.setdefault(one.values["StudyInstanceUID"], []).append(one)
    if not by_study:
        raise EmptyFolderError(f"no DICOM file in {folder}")
    check_listening(pacs)
    return [_send_study(files, pacs, calling_ae_title, on_event) for files in by_study.values()]


def find_dicom(folder: Path, on_skip: Callable[[Path, str], None]) -> Iterator[DicomFile]:
    """All files below a folder that can be sent; the others are named to ``on_skip``."""
    if not folder.is_dir():
        raise EmptyFolderError(f"{folder} is not a folder")
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS))
        except (InvalidDicomError, OSError) as error:
            on_skip(path, str(error).split(".")[0])
            continue
        one = _as_file(path, header)
        if isinstance(one, DicomFile):
            yield one
        else:
            on_skip(path, one)


def _as_file(path: Path, header: FileDataset) -> DicomFile | str:
    """The file's description, or why it cannot be sent."""
    meta = header.file_meta
    sop_class = str(meta.get("MediaStorageSOPClassUID", ""))
    syntax = str(meta.get("TransferSyntaxUID", ""))
    if sop_class == MEDIA_DIRECTORY:
        return "DICOMDIR"
    if not sop_class or not syntax or not meta.get("MediaStorageSOPInstanceUID"):
        return "no SOP Class, SOP Instance or transfer syntax in the file meta information"
    values = {tag: str(header.get(tag, "") or "") for tag in TAGS}
    if not values["StudyInstanceUID"] or not values["SeriesInstanceUID"]:
        return "no StudyInstanceUID or SeriesInstanceUID"
    return DicomFile(path, sop_class, syntax, values)


def _send_study(files: list[DicomFile], pacs: Pacs, calling: str, on_event: OnEvent) -> StudySummary:
    study = _summary(files)
    on_event(Event("study_started", time.time(), study.study_uid))
    left = Counter(one.values["SeriesInstanceUID"] for one in files)
    for one in _stored(files, pacs, calling):
        series = _counted(study, one)
        left[series.series_uid] -= 1
        if not left[series.series_uid]:
            told = study.study_uid, series.series_uid, series.instances
            on_event(Event("series_sent", time.time(), *told))
    on_event(Event("study_sent", time.time(), study.study_uid, instances=study.instances))
    return study


def _summary(files: list[DicomFile]) -> StudySummary:
    """Of a study of which nothing is sent yet."""
    first = files[0].values
    dates = sorted({one.values["StudyDate"] for one in files if one.values["StudyDate"]})
    return StudySummary(
        first["StudyInstanceUID"],
        dates,
        first["PatientID"],
        first["AccessionNumber"],
        first["StudyDescription"],
    )


def _stored(files: list[DicomFile], pacs: Pacs, calling: str) -> Iterator[DicomFile]:
    """Send each file; yields it once the PACS has it."""
    for batch in _by_contexts(files):
        contexts = sorted({(one.sop_class, (one.transfer_syntax,)) for one in batch})
        with Association(pacs, calling, contexts) as association:
            for one in batch:
                association.store(one.path, str(one.path))
                yield one


def _counted(study: StudySummary, one: DicomFile) -> SeriesSummary:
    uid = one.values["SeriesInstanceUID"]
    series = study.series.setdefault(
        uid,
        SeriesSummary(
            uid, one.values["SeriesDescription"], one.values["Modality"], one.values["BodyPartExamined"]
        ),
    )
    series.instances += 1
    return series


def _by_contexts(files: Iterable[DicomFile]) -> Iterator[list[DicomFile]]:
    """Split files so that each part needs no more contexts than one association can have."""
    kinds = sorted({(one.sop_class, one.transfer_syntax) for one in files})
    rest = iter(kinds)
    while chosen := set(islice(rest, CONTEXTS_PER_ASSOCIATION)):
        yield [one for one in files if (one.sop_class, one.transfer_syntax) in chosen]
