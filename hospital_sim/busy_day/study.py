"""
One study of a kind, with nothing odd about it: its series, whose it is, and when its images reach the PACS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from hospital_sim import devices
from hospital_sim.acquisition import (
    ct_descriptions,
    image_type_of,
    kernel_of,
    made_as,
    modality_of,
    thickness_of,
)
from hospital_sim.busy_day.catalogue import FOREIGN_NAMES, NAMES, Kind, Text
from hospital_sim.busy_day.day import BusyStudy, Oddity, SeriesArrival
from hospital_sim.devices import Device
from hospital_sim.planned_study import (
    Content,
    Patient,
    PlannedSeries,
    PlannedStudy,
    expected_series,
    stable_uid,
)

CLOCK_OFF = dt.timedelta(hours=8)  # a CT that counts in UTC in a hospital of UTC+8
CLOCK_OFF_DEVICE = devices.PHILIPS_HELICAL_CT
IMAGES_PER_SECOND = 12.0  # that a modality sends

T = TypeVar("T")


@dataclass(frozen=True)
class DaySettings:
    """What all studies of a day have in common: see ``plan_busy_day``."""

    date: dt.date
    seed: int
    matrix: int
    max_slices: int | None


def plain_study(
    rng: np.random.Generator, settings: DaySettings, kind: Kind, number: int, started_at: dt.datetime
) -> BusyStudy:
    """The ``number``-th study of the day, examined at ``started_at`` by the hospital's clock."""
    device, text = _pick(rng, kind.devices), _pick(rng, kind.texts)
    off = CLOCK_OFF if device is CLOCK_OFF_DEVICE else dt.timedelta(0)
    uid = stable_uid("busy", settings.date, settings.seed, number, settings.matrix)
    makers = _SeriesMaker(rng, kind, device, text, uid, settings.max_slices)
    series = makers.all(_pick(rng, kind.contents))
    planned = PlannedStudy(
        uid=uid,
        label=f"{kind.label}, {device.manufacturer}",
        wanted=kind.chest,
        expected_series=expected_series(series) if kind.chest else (),
        device=device,
        region=kind.region,
        patient=a_patient(rng, settings.seed, number, text.character_set),
        accession_number=f"{kind.modality}{settings.date:%y%m%d}{settings.seed % 10}{number:05d}",
        started_at=started_at - off,
        description=text.study,
        character_set=text.character_set,
        matrix=settings.matrix,
        base_slices=max(one.instances for one in series),
        series=series,
        seed=settings.seed * 100_000 + number,
    )
    arrivals = arrivals_of(rng, planned, started_at)
    return BusyStudy(planned, arrivals, frozenset({Oddity.CLOCK} if off else ()))


def _pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def a_patient(rng: np.random.Generator, seed: int, number: int, character_set: str) -> Patient:
    """
    Somebody; a name that neither Latin nor Chinese letters can write only where the character set is UTF-8.
    """
    latin, chinese = _pick(rng, NAMES)
    name = f"{latin}={chinese}" if rng.random() < 0.7 else latin.upper()
    if character_set == "ISO_IR 192" and rng.random() < 0.03:
        name = _pick(rng, FOREIGN_NAMES)
    born = dt.date(int(rng.integers(1935, 2020)), int(rng.integers(1, 13)), int(rng.integers(1, 29)))
    return Patient(f"{10_000_000 + (seed % 100) * 200_000 + number * 7}", name, _pick(rng, "MF"), born)


def arrivals_of(
    rng: np.random.Generator, planned: PlannedStudy, started_at: dt.datetime
) -> tuple[SeriesArrival, ...]:
    """
    One series after the other, some minutes after the examination began, with the pauses of reconstruction.
    """
    at = started_at + dt.timedelta(seconds=int(rng.integers(90, 420)))
    arrivals = []
    for one in planned.series:
        end = at + dt.timedelta(seconds=max(1, round(one.instances / IMAGES_PER_SECOND)))
        arrivals.append(SeriesArrival(one, at, end))
        at = end + dt.timedelta(seconds=int(rng.integers(5, 90)))
    return tuple(arrivals)


class _SeriesMaker:
    """Makes the series of one study."""

    def __init__(
        self,
        rng: np.random.Generator,
        kind: Kind,
        device: Device,
        text: Text,
        study_uid: str,
        max_slices: int | None,
    ) -> None:
        self._kind, self._device, self._text, self._study_uid = kind, device, text, study_uid
        self._thin = int(rng.integers(240, 421))
        self._few = int(rng.integers(10, 31))
        self._most = max_slices or 10_000

    def all(self, contents: Sequence[Content]) -> tuple[PlannedSeries, ...]:
        """The series of a study in the order in which they are made."""
        own = [
            self._one(number, content, self._kind.modality)
            for number, content in enumerate(contents, start=1)
        ]
        further = [
            self._further(len(own) + 1 + index, modality) for index, modality in enumerate(self._kind.extra)
        ]
        return (*own, *further)

    def _further(self, number: int, modality: str) -> PlannedSeries:
        return self._one(number, Content.DOSE_PICTURE if modality == "CT" else Content.OTHER, modality)

    def _one(self, number: int, content: Content, modality: str) -> PlannedSeries:
        content = made_as(self._device, content)
        return PlannedSeries(
            uid=stable_uid("series", self._study_uid, number, modality),
            number=number,
            content=content,
            modality=modality_of(content, modality),
            description=self._description(content),
            protocol=self._text.protocol,
            body_part=self._text.body_part,
            instances=self._count(content, modality),
            image_type=image_type_of(self._device, content),
            thickness_mm=thickness_of(self._device, content) if modality in ("CT", "MR") else None,
            kernel=kernel_of(self._device, content) if modality == "CT" else "",
        )

    def _count(self, content: Content, modality: str) -> int:
        counts = {
            Content.THIN_SOFT: self._thin,
            Content.THIN_SHARP: self._thin,
            Content.THICK: max(10, self._thin // 5),
            Content.MPR: 60,
            Content.MR: 24,
            Content.SCOUT: 2,
            Content.BREAST: 4,
            Content.OTHER: {"OT": 1, "PT": self._thin}.get(modality, self._few),
        }
        return min(counts.get(content, 1), self._most)

    def _description(self, content: Content) -> str:
        word, device = self._text.series, self._device
        # GE calls its sharp kernel LUNG: in a description of another region it would be a chest keyword.
        sharp = device.sharp_kernel if self._kind.chest else "Sharp"
        texts = {
            **ct_descriptions(device, word, sharp),
            Content.DOSE_REPORT: "Dose Report",
            Content.DOSE_PICTURE: "Dose Report",
            Content.PRESENTATION_STATE: "Presentation State",
            Content.FRONTAL: f"{word} PA",
            Content.LATERAL: f"{word} LAT",
        }
        return texts.get(content, word).strip()
