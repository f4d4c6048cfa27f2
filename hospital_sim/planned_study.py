"""
A planned study: who is examined on which device, which series are to come, and which of them an AI backend
must get in the end.

Pure, and all that the plans of a day (``day``, ``busy_day``), the headers and the images have in common.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hospital_sim.devices import Device


class Content(StrEnum):
    """What a series shows, that is how its images are made."""

    SCOUT = "scout"
    THICK = "thick"
    THIN_SOFT = "thin_soft"
    THIN_SHARP = "thin_sharp"
    MPR = "mpr"
    DOSE_REPORT = "dose_report"
    DOSE_PICTURE = "dose_picture"
    PRESENTATION_STATE = "presentation_state"
    FRONTAL = "frontal"
    LATERAL = "lateral"
    HAND = "hand"
    BREAST = "breast"
    MR = "mr"
    OTHER = "other"


class Region(StrEnum):
    """Which phantom the patient is."""

    CHEST = "chest"
    HEAD = "head"
    ABDOMEN = "abdomen"
    HAND = "hand"
    BREAST = "breast"


DAMAGED = "damaged"  # in place of a character set: text once damaged for good, see pacs/text.py
AXIAL = (Content.THICK, Content.THIN_SOFT, Content.THIN_SHARP)
RADIOGRAPHS = (Content.FRONTAL, Content.LATERAL)


@dataclass(frozen=True)
class Patient:
    """Who is examined; ``name`` as written in PatientName (0010,0010)."""

    patient_id: str
    name: str
    sex: str
    birth_date: dt.date


@dataclass(frozen=True)
class PlannedSeries:
    """
    One series to be sent.

    Attributes:
        uid: SeriesInstanceUID.
        number: SeriesNumber.
        content: What it shows.
        modality: Modality (0008,0060).
        description: SeriesDescription (0008,103E).
        protocol: ProtocolName (0018,1030).
        body_part: BodyPartExamined (0018,0015), may be empty.
        instances: Number of images.
        image_type: ImageType (0008,0008).
        thickness_mm: SliceThickness (0018,0050), None where the modality has none.
        kernel: ConvolutionKernel (0018,1210), empty where there is none.
        made_at: SeriesDate and SeriesTime; None: soon after the study's beginning.
    """

    uid: str
    number: int
    content: Content
    modality: str
    description: str
    protocol: str
    body_part: str
    instances: int
    image_type: tuple[str, ...]
    thickness_mm: float | None = None
    kernel: str = ""
    made_at: dt.datetime | None = None


@dataclass(frozen=True)
class PlannedStudy:
    """
    One study to be sent, with the truth about it.

    Attributes:
        uid: StudyInstanceUID.
        label: What the study is in the day, in a few words.
        wanted: Whether the AI backend should compute it.
        expected_series: SeriesInstanceUIDs that the backend gets in the end; empty when unwanted.
        device: The modality that made it.
        region: Which phantom.
        patient: Whose.
        accession_number: AccessionNumber (0008,0050).
        started_at: StudyDate and StudyTime in the hospital's time zone.
        description: StudyDescription (0008,1030).
        character_set: SpecificCharacterSet (0008,0005), or ``DAMAGED``.
        matrix: Rows and columns of a CT slice, in pixels.
        base_slices: Slices of the volume that all reconstructions come from.
        series: What is sent.
        seed: Of the phantom.
    """

    uid: str
    label: str
    wanted: bool
    expected_series: tuple[str, ...]
    device: Device
    region: Region
    patient: Patient
    accession_number: str
    started_at: dt.datetime
    description: str
    character_set: str
    matrix: int
    base_slices: int
    series: tuple[PlannedSeries, ...]
    seed: int

    @property
    def instances(self) -> int:
        """Number of images of all series."""
        return sum(one.instances for one in self.series)


def expected_series(series: Sequence[PlannedSeries]) -> tuple[str, ...]:
    """
    The series that a chest backend should get: all radiographs, or the one thinnest CT acquisition.

    Thinnest: smallest thickness, then most images, then the soft kernel.
    """
    radiographs = tuple(one.uid for one in series if one.content in RADIOGRAPHS)
    if radiographs:
        return radiographs
    axial = [one for one in series if one.content in AXIAL]
    best = min(
        axial, key=lambda one: (one.thickness_mm or 0.0, -one.instances, one.content is Content.THIN_SHARP)
    )
    return (best.uid,)


def stable_uid(*names: object) -> str:
    """A UID derived from names: 2.25 and a 128-bit number (PS3.5 B.2)."""
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def sop_instance_uid(series: PlannedSeries, index: int) -> str:
    """SOPInstanceUID of instance ``index`` (from 0) of a series."""
    return stable_uid(series.uid, index)
