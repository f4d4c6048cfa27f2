"""A day at a glance, out of the rows of its studies: counts, arrivals by hour, latency by stage."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .listing import NOT_WANTED, StudyRow

HOURS = 24
WEEKS_BACK = 4
"""So many of the same weekday before today say what is usual."""
Local = Callable[[str], datetime]
"""An instant of a document (ISO 8601 UTC) on the hospital's clock."""


@dataclass(frozen=True)
class Count:
    """How many studies have this value."""

    value: str
    number: int


@dataclass(frozen=True)
class Counts:
    """How many studies there are by state, PACS, modality and device, the most frequent first."""

    studies: int
    by_state: tuple[Count, ...]
    by_pacs: tuple[Count, ...]
    by_modality: tuple[Count, ...]
    by_device: tuple[Count, ...] = ()


def counts(rows: Sequence[StudyRow]) -> Counts:
    """Count the rows; a study at two PACS counts at both."""
    return Counts(
        len(rows),
        _counted(row.state or NOT_WANTED for row in rows),
        _counted(name for row in rows for name in row.pacs),
        _counted(name for row in rows for name in row.modality),
        _counted(name for row in rows for name in row.device),
    )


def _counted(values: Iterable[str]) -> tuple[Count, ...]:
    found = Counter(values)
    return tuple(
        Count(value, number) for value, number in sorted(found.items(), key=lambda one: (-one[1], one[0]))
    )


def same_weekday_before(today: date) -> tuple[date, ...]:
    """The days that a day is compared with, the newest first."""
    return tuple(today - timedelta(weeks=week) for week in range(1, WEEKS_BACK + 1))


@dataclass(frozen=True)
class Hour:
    """Studies that were first seen in this hour today; the least, the middle and the most of earlier days."""

    hour: int
    today: int
    low: float | None = None
    usual: float | None = None
    high: float | None = None


def arrivals(today: Sequence[str], earlier: Sequence[Sequence[str]], local: Local) -> tuple[Hour, ...]:
    """
    Arrivals by hour.

    Args:
        today: When each of today's studies was first seen (ISO 8601 UTC).
        earlier: The same of each earlier day that today is compared with; a day without any says nothing.
        local: The hospital's clock.
    """
    now, before = _by_hour(today, local), [_by_hour(seen, local) for seen in earlier if seen]
    return tuple(_hour(hour, now[hour], [day[hour] for day in before]) for hour in range(HOURS))


def _hour(hour: int, number: int, before: Sequence[int]) -> Hour:
    if not before:
        return Hour(hour, number)
    return Hour(hour, number, min(before), statistics.median(before), max(before))


def _by_hour(seen: Iterable[str], local: Local) -> Counter[int]:
    return Counter(local(at).hour for at in seen)


STAGES: Mapping[str, tuple[str, str]] = {
    "pulled": ("image_at", "pulled_at"),
    "handed over": ("image_at", "handed_over_at"),
    "delivered": ("handed_over_at", "delivered_at"),
    "result": ("delivered_at", "result_at"),
    "in all": ("image_at", "result_at"),
}
"""
Each stage with the instants of a row between which it lies. Images are handed over before the end of their
pull is told, so the hand-over, too, counts from the last image.
"""
BOUNDS_S = (1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of the classes of the distribution, in seconds; one class more lies above the last."""


@dataclass(frozen=True)
class Latency:
    """
    How long one stage took, in seconds: number of studies, median, 90th percentile, longest, and how many
    studies lie in each class of :data:`BOUNDS_S`.
    """

    stage: str
    studies: int
    median: float | None = None
    p90: float | None = None
    longest: float | None = None
    classes: tuple[int, ...] = ()


def latencies(rows: Iterable[StudyRow]) -> tuple[Latency, ...]:
    """The latency of each stage; a study that grew again after a stage does not count in it."""
    known = list(rows)
    return tuple(_latency(stage, known, *between) for stage, between in STAGES.items())


def _latency(stage: str, rows: Iterable[StudyRow], begin: str, end: str) -> Latency:
    took = sorted(_seconds_of(rows, begin, end))
    if not took:
        return Latency(stage, 0)
    ninth = took[-(-9 * len(took) // 10) - 1]  # nearest rank: the ninth of ten
    return Latency(stage, len(took), statistics.median(took), ninth, took[-1], _classes(took))


def _seconds_of(rows: Iterable[StudyRow], begin: str, end: str) -> Iterator[float]:
    """How long it took from one field of a row to another, where both are told and follow each other."""
    for row in rows:
        first, last = getattr(row, begin), getattr(row, end)
        seconds = seconds_between(first, last) if first and last else -1
        if seconds >= 0:
            yield seconds


def _classes(took: Sequence[float]) -> tuple[int, ...]:
    bounds = (*BOUNDS_S, float("inf"))
    places = Counter(
        next(place for place, bound in enumerate(bounds) if seconds <= bound) for seconds in took
    )
    return tuple(places[place] for place in range(len(bounds)))


def seconds_between(first: str, last: str) -> float:
    """Seconds from one instant (ISO 8601) to another."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
