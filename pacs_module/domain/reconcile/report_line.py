"""What a reconciliation says of one study, and what it compares: plain values (M26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from ..dicom.attributes import FoundStudy
from ..dicom.device import Device
from ..study.study import Study
from .counts import Counts


class Cause(StrEnum):
    """Why a study of the PACS is not computed, or that it is."""

    COMPUTED = "computed"
    ELSEWHERE = "computed elsewhere"
    """
    A reconstruction whose plain study under the same AccessionNumber is computed; or a person marked it as
    done.
    """
    NOT_WANTED = "not wanted"
    """No wanted modality."""
    FILTERED = "filtered"
    """Every series was dropped, or the backend could use none."""
    NOT_FOUND = "not found"
    """In the PACS, of a wanted modality, and no find has brought it."""
    WAITING = "waiting"
    SHORT = "short"
    """Judged or computed from fewer images than the PACS has."""
    FAILED = "pull failed"
    UNPULLABLE = "unpullable"
    DEAD_LETTER = "dead letter"
    NO_VERDICT = "no verdict"
    """Called unsupported, and no verdict on any of its series is known: the record of them was lost."""
    GONE = "not in the PACS"
    """Seen there before, listed no more."""


MISSING = (
    Cause.NOT_FOUND,
    Cause.WAITING,
    Cause.SHORT,
    Cause.FAILED,
    Cause.UNPULLABLE,
    Cause.DEAD_LETTER,
    Cause.NO_VERDICT,
)
"""What should have been computed and is not."""
REPAIRABLE = (Cause.NOT_FOUND, Cause.SHORT, Cause.FAILED, Cause.DEAD_LETTER, Cause.NO_VERDICT)
"""What a repair pulls; what waits is on its way, and what has no UID cannot be pulled."""


class Role(StrEnum):
    """What a study is among others of its AccessionNumber."""

    PLAIN = "plain"
    RECONSTRUCTION = "reconstruction"
    UNKNOWN = "not told"


@dataclass(frozen=True)
class PacsList:
    """
    What one PACS answered for one day: ``complete`` False when it cut its list, ``error`` when it did not
    answer.
    """

    pacs: str
    day: date
    studies: tuple[FoundStudy, ...] = ()
    complete: bool = True
    error: str = ""
    queries: int = 0

    @property
    def whole(self) -> bool:
        """Whether a study that is not in it is not in the PACS."""
        return self.complete and not self.error


@dataclass(frozen=True)
class ReportLine:
    """
    One study. ``pacs``: those that list it; ``manual``: what its manual pull says of us; ``notes``: what else
    is odd.
    """

    study_uid: str
    study_date: str
    study_time: str
    accession_number: str
    patient_id: str
    study_description: str
    modality: tuple[str, ...]
    pacs: tuple[str, ...]
    cause: Cause
    why: str
    state: str = ""
    counts: Counts = field(default_factory=Counts)
    role: Role = Role.UNKNOWN
    manual: str = ""
    notes: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether it should have been computed and is not."""
        return self.cause in MISSING

    @property
    def device(self) -> str:
        """The devices for a table; empty when nobody asked."""
        return ", ".join(device.words for device in self.devices)


_RECONSTRUCTED = ("3D", "MPR", "MIP", "VRT", "RECON", "三维", "重建")


def role_of(study: Study | None, copies: Sequence[FoundStudy]) -> Role:
    """
    Whether a study is plain or a reconstruction: by the verdicts on its series, else by its description.

    Reconstructions are derived images (ImageType), and nothing but these.
    """
    records = list(study.series.values()) if study is not None else []
    if any(record.taken for record in records):
        return Role.PLAIN
    if any(record.rule == "image type" or "DERIVED" in record.because for record in records):
        return Role.RECONSTRUCTION
    texts = [copy.study_description for copy in copies]
    if study is not None:
        texts.append(study.study_description)
    return Role.RECONSTRUCTION if any(map(_says_reconstructed, texts)) else Role.UNKNOWN


def _says_reconstructed(description: str) -> bool:
    return any(word in description.upper() for word in _RECONSTRUCTED)
