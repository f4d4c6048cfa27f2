"""
What a PACS holds, as plain values: studies, their series, and where the images come from.

A study is visible as soon as one image of it has arrived, a series likewise; counts are those of the moment.
"""

from __future__ import annotations

import datetime as dt
import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hospital_sim.pacs.wire.text import TextCoding

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
NATIVE = (EXPLICIT, IMPLICIT)

Attributes = Mapping[str, str]
"""Keyword to value; several values are separated by backslashes."""


@dataclass(frozen=True)
class Encoded:
    """One image ready to be sent."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str
    data: bytes


class Images(Protocol):
    """The images of one series."""

    def visible(self, now: dt.datetime) -> int:
        """How many have arrived."""
        ...

    def uid(self, index: int) -> str:
        """SOPInstanceUID of one image, from 0."""
        ...

    def sop_class(self, index: int) -> str:
        """SOPClassUID of one image."""
        ...

    def contexts(self) -> set[tuple[str, str]]:
        """SOP Class and transfer syntax of all images, native ones as explicit and implicit VR."""
        ...

    def attributes(self, index: int) -> Attributes:
        """What IMAGE level knows of one image beyond its UIDs."""
        ...

    def encoded(self, index: int, coding: TextCoding | None, syntaxes: tuple[str, ...]) -> Encoded:
        """
        One image in one of these transfer syntaxes if it can be, its text in another coding if one is given.
        """
        ...


@dataclass(slots=True)
class Series:
    """One series; ``attributes`` has what SERIES level knows."""

    uid: str
    modality: str
    attributes: Attributes
    images: Images

    def visible(self, now: dt.datetime) -> int:
        """How many images have arrived."""
        return self.images.visible(now)


@dataclass(frozen=True, slots=True)
class Correction:
    """From ``at`` on these attributes of the study have other values."""

    at: dt.datetime
    attributes: Attributes


@dataclass(slots=True)
class Study:
    """
    One study.

    Attributes:
        number: Place in the PACS's own list, from 0; decides which studies a habit hits.
        attributes: What STUDY and PATIENT level know, but for counts and ModalitiesInStudy.
        character_set: SpecificCharacterSet in which the study's text is honest.
        appears_at: When the first image arrives.
        vanishes_at: When the study is deleted, if ever.
    """

    number: int
    uid: str
    attributes: Attributes
    character_set: str
    appears_at: dt.datetime
    series: list[Series] = field(default_factory=list)
    corrections: tuple[Correction, ...] = ()
    vanishes_at: dt.datetime | None = None

    def is_visible(self, now: dt.datetime) -> bool:
        """Whether a query at this time can find the study."""
        return self.appears_at <= now and (self.vanishes_at is None or now < self.vanishes_at)

    def attributes_at(self, now: dt.datetime) -> Attributes:
        """The attributes with all corrections until now."""
        if not self.corrections:
            return self.attributes
        values = dict(self.attributes)
        for one in self.corrections:
            if one.at <= now:
                values.update(one.attributes)
        return values

    def series_at(self, now: dt.datetime) -> list[Series]:
        """The series of which something has arrived."""
        return [one for one in self.series if one.visible(now)]

    def instances_at(self, now: dt.datetime) -> int:
        """The number of images that have arrived."""
        return sum(one.visible(now) for one in self.series)

    def sop_instance_uids(self, now: dt.datetime) -> dict[str, list[str]]:
        """SeriesInstanceUID to the SOPInstanceUIDs that have arrived: what a complete copy has."""
        return {
            one.uid: [one.images.uid(index) for index in range(one.visible(now))]
            for one in self.series_at(now)
        }


class Archive:
    """All studies, by UID and by date; safe for threads."""

    def __init__(self, studies: Iterable[Study] = ()) -> None:
        self._lock = threading.RLock()
        self._studies: dict[str, Study] = {}
        self._series: dict[str, Study] = {}
        self._by_date: list[tuple[str, int, str]] = []
        for study in studies:
            self.add(study)

    def add(self, study: Study) -> None:
        """Take a study in; its date and series are indexed."""
        with self._lock:
            self._studies[study.uid] = study
            for one in study.series:
                self._series[one.uid] = study
            dates = {study.attributes.get("StudyDate", "")}
            dates.update(
                one.attributes.get("StudyDate", "")
                for one in study.corrections
                if "StudyDate" in one.attributes
            )
            for date in dates:
                insort(self._by_date, (date, study.number, study.uid))

    def add_series(self, study: Study, series: Series) -> None:
        """Take a further series of a known study in."""
        with self._lock:
            study.series.append(series)
            self._series[series.uid] = study

    @property
    def lock(self) -> threading.RLock:
        """Held while a study is changed."""
        return self._lock

    def __len__(self) -> int:
        return len(self._studies)

    def __getitem__(self, uid: str) -> Study:
        return self._studies[uid]

    def study(self, uid: str) -> Study | None:
        """One study, visible or not."""
        return self._studies.get(uid)

    def study_of_series(self, uid: str) -> Study | None:
        """The study that has a series."""
        return self._series.get(uid)

    def __iter__(self) -> Iterator[Study]:
        with self._lock:
            return iter(list(self._studies.values()))

    def visible(self, now: dt.datetime) -> list[Study]:
        """All studies that a query at this time can find, in the order in which they came."""
        return [one for one in self if one.is_visible(now)]

    def dated(self, low: str | None, high: str | None) -> list[Study]:
        """
        Studies with a StudyDate in the range, a corrected one included, in the order in which they came.
        """
        with self._lock:
            begin = bisect_left(self._by_date, (low or "", -1, ""))
            end = bisect_left(self._by_date, ((high or "99999999") + "~", -1, ""))
            uids = {uid for _, _, uid in self._by_date[begin:end]}
            return sorted((self._studies[uid] for uid in uids), key=lambda one: one.number)
