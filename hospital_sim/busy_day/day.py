"""A day as it was planned: its studies, when they reach the PACS, and the truth about each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hospital_sim.planned_study import PlannedSeries, PlannedStudy


class Oddity(StrEnum):
    """What is special about a study."""

    LATE_SERIES = "late series"
    NEXT_DAY_SERIES = "late series on the next day, another SeriesDate"
    LATE_ARCHIVED = "archived hours late"
    CORRECTED = "demographics corrected"
    VANISHES = "deleted"
    CLOCK = "clock of the device eight hours behind"
    DUPLICATE = "AccessionNumber of another study"
    PRIOR = "prior of an earlier date"


@dataclass(frozen=True, slots=True)
class SeriesArrival:
    """When the images of one series reach the PACS: evenly from the first to the last."""

    planned: PlannedSeries
    begins_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StudyCorrection:
    """From ``at`` on the PACS gives these values (keyword to text)."""

    at: dt.datetime
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BusyStudy:
    """
    One study of the day, with the truth about it.

    Attributes:
        planned: What the modality wrote; ``planned.wanted`` says whether the backend should compute it
            (``chest``).
        arrivals: When each series comes, in the order of arrival.
        oddities: What is special.
        corrections: Changes of demographics.
        vanishes_at: When it is deleted from the PACS.
    """

    planned: PlannedStudy
    arrivals: tuple[SeriesArrival, ...]
    oddities: frozenset[Oddity] = frozenset()
    corrections: tuple[StudyCorrection, ...] = ()
    vanishes_at: dt.datetime | None = None

    @property
    def uid(self) -> str:
        """StudyInstanceUID."""
        return self.planned.uid

    @property
    def arrives_at(self) -> dt.datetime:
        """When the first image reaches the PACS."""
        return min(one.begins_at for one in self.arrivals)

    @property
    def complete_at(self) -> dt.datetime:
        """When the last image has reached the PACS."""
        return max(one.ends_at for one in self.arrivals)

    @property
    def modalities(self) -> frozenset[str]:
        """ModalitiesInStudy once all is there."""
        return frozenset(one.planned.modality for one in self.arrivals)

    @property
    def wanted(self) -> bool:
        """Whether the study is wanted at STUDY level by the default modalities: CT, or DX, DR, CR."""
        return bool(self.modalities & {"CT", "DX", "DR", "CR"})

    @property
    def chest(self) -> bool:
        """Whether a chest series remains under the default rules."""
        return self.planned.wanted

    @property
    def expected_series(self) -> tuple[str, ...]:
        """SeriesInstanceUIDs that the backend should get once all is there."""
        return self.planned.expected_series

    def as_json(self) -> dict[str, Any]:
        """The truth about the study for a checker."""
        return {
            "studyUID": self.uid,
            "label": self.planned.label,
            "patientID": self.planned.patient.patient_id,
            "accessionNumber": self.planned.accession_number,
            "studyDate": self.planned.started_at.date().isoformat(),
            "arrivesAt": self.arrives_at.isoformat(),
            "completeAt": self.complete_at.isoformat(),
            "vanishesAt": self.vanishes_at.isoformat() if self.vanishes_at else None,
            "modalities": sorted(self.modalities),
            "wanted": self.wanted,
            "chest": self.chest,
            "expectedSeries": list(self.expected_series),
            "instances": self.planned.instances,
            "oddities": sorted(self.oddities),
        }


@dataclass(frozen=True)
class BusyDay:
    """
    The studies of a day, priors included, in the order in which they reach the PACS.

    Attributes:
        date: The day in the middle.
        begins_at: First moment: the evening before ``date``.
        ends_at: Last moment: the morning after ``date``.
    """

    date: dt.date
    seed: int
    begins_at: dt.datetime
    ends_at: dt.datetime
    studies: tuple[BusyStudy, ...]

    @property
    def new_studies(self) -> tuple[BusyStudy, ...]:
        """All but the priors."""
        return tuple(one for one in self.studies if Oddity.PRIOR not in one.oddities)

    @property
    def wanted(self) -> tuple[BusyStudy, ...]:
        """The new studies that are wanted at STUDY level."""
        return tuple(one for one in self.new_studies if one.wanted)

    @property
    def settled_at(self) -> dt.datetime:
        """When the last image, however late, has arrived."""
        return max(one.complete_at for one in self.studies)

    def as_json(self) -> list[dict[str, Any]]:
        """The truth, one object a study."""
        return [one.as_json() for one in self.studies]
