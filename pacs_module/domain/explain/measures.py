"""
What a study's document says in numbers: how long each stage took, and what happened how often.

The instants are those that the document has, so a process that began in the middle of a stage measures the
whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..dicom.device import devices_of_study
from ..study.handover import HandOver
from ..study.study import Pull, Study
from .series_story import standing_of


class Measure(StrEnum):
    """What is measured; the labels of each are named."""

    STAGE = "stage"
    """Seconds of a stage; labels: stage."""
    EVENT = "event"
    """Something happened to a study; labels: event, state after it."""
    SERIES = "series"
    """A series was judged; labels: standing, rule, modality."""
    PULL = "pull"
    """A pull ended, seconds of its C-MOVE; labels: PACS, outcome."""
    IMAGES = "images"
    """Images that a pull brought; labels: PACS."""
    ARRIVAL = "arrival"
    """The first images of a study came; labels: device."""


class Stage(StrEnum):
    """The stages of a study's way that take time, in their order."""

    WAITING = "waiting"
    """Found for the first time, until its first pull was asked."""
    PULLING = "pulling"
    """A pull, from asked to ended."""
    QUEUEING = "queueing"
    """Handed over, until RabbitMQ confirmed the message."""
    DELIVERING = "delivering"
    """Confirmed, until the backend accepted it."""
    COMPUTING = "computing"
    """Accepted, until its result."""
    WHOLE = "whole"
    """Found for the first time, until its first result."""


@dataclass(frozen=True)
class Measured:
    """
    One number: what, when (ISO 8601 UTC), its labels in the order that :class:`Measure` names, its value.
    """

    measure: Measure
    at: str
    labels: tuple[str, ...]
    value: float = 1.0


def measures(study: Study) -> list[Measured]:
    """Everything that a document says in numbers, in the order of time."""
    found = [*_events(study), *_series(study), *_waiting(study), *_arrival(study)]
    for pull in study.every_pull:
        found.extend(_pull(pull))
    for item in study.handovers:
        found.extend(_handover(item))
    return sorted(found, key=lambda one: one.at)


def _events(study: Study) -> Iterator[Measured]:
    for entry in study.history:
        if entry.from_state != entry.to_state:
            yield Measured(Measure.EVENT, entry.at, (entry.event, entry.to_state))


def _series(study: Study) -> Iterator[Measured]:
    for record in study.series.values():
        if record.at:
            yield Measured(Measure.SERIES, record.at, (standing_of(record), record.rule, record.modality))


def _waiting(study: Study) -> Iterator[Measured]:
    """Only of a study that a find brought: a push and a named one waited for nobody."""
    if not study.found_at:
        return
    pulls = study.every_pull
    if pulls:
        yield from _stage(Stage.WAITING, study.found_at, pulls[0].asked_at)
    results = [item.result_at for item in study.handovers if item.result_at]
    if results:
        yield from _stage(Stage.WHOLE, study.found_at, min(results))


def _arrival(study: Study) -> Iterator[Measured]:
    """When the first pull that brought anything ended: the document tells the device from then on."""
    at = _first_images_at(study)
    if not at:
        return
    devices = devices_of_study((one.modality, one.device) for one in study.series.values())
    for device in devices or ("not told",):
        yield Measured(Measure.ARRIVAL, at, (device,))


def _first_images_at(study: Study) -> str:
    ended = [pull.ended_at for pull in study.every_pull if pull.ended_at and pull.received]
    pushed = [item.received_at for item in study.handovers]
    return min(ended or pushed, default="")


def _pull(pull: Pull) -> Iterator[Measured]:
    if not pull.ended_at:
        return
    pacs = pull.request.pacs
    yield from _stage(Stage.PULLING, pull.asked_at, pull.ended_at)
    yield Measured(Measure.PULL, pull.ended_at, (pacs, pull.outcome.value), pull.move_seconds or 0.0)
    if pull.received:
        yield Measured(Measure.IMAGES, pull.ended_at, (pacs,), float(pull.received))


def _handover(item: HandOver) -> Iterator[Measured]:
    way = (
        (Stage.QUEUEING, item.received_at, item.published_at),
        (Stage.DELIVERING, item.published_at, item.accepted_at),
        (Stage.COMPUTING, item.accepted_at, item.result_at),
    )
    for stage, begin, end in way:
        yield from _stage(stage, begin, end)


def _stage(stage: Stage, begin: str, end: str) -> Iterator[Measured]:
    """Nothing while it lasts, nor where a clock that was set back makes it end before it began."""
    if not begin or not end:
        return
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
    if seconds >= 0:
        yield Measured(Measure.STAGE, end, (stage.value,), seconds)
