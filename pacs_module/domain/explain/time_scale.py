"""Where a study's time went: spans that can be drawn to scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..instants import iso
from ..study.handover import HandOver
from ..study.lifecycle import UNDER_WAY
from ..study.study import Study


@dataclass(frozen=True)
class Span:
    """
    One stretch of a study's way: from when to when (ISO 8601 UTC; ``end_at`` empty: it lasts), of which kind.

    ``kind``: seen (it grew at the PACS), line (it waited for its pull), pull, delivery, backend. ``left`` and
    ``width`` are percent of the whole.
    """

    kind: str
    what: str
    begin_at: str
    end_at: str
    seconds: float
    left: float = 0.0
    width: float = 0.0


@dataclass(frozen=True)
class TimeScale:
    """The whole: from the first sight to the last thing that happened, or to now while it is under way."""

    begin_at: str
    end_at: str
    seconds: float
    spans: tuple[Span, ...]


def time_scale(study: Study, now: int) -> TimeScale | None:
    """The spans of a study; None when nothing is known of its times. ``now``: epoch milliseconds."""
    raw = [(kind, what, begin, end or iso(now)) for kind, what, begin, end in _spans(study) if begin]
    if not raw:
        return None
    lasts = study.state in UNDER_WAY
    first = min(begin for _, _, begin, _ in raw)
    last = iso(now) if lasts else max(end for _, _, _, end in raw)
    whole = max(_seconds(first, last), 0.001)
    spans = tuple(_placed(one, first, whole) for one in raw)
    return TimeScale(first, last, whole, spans)


def _placed(raw: tuple[str, str, str, str], first: str, whole: float) -> Span:
    kind, what, begin, end = raw
    seconds = max(_seconds(begin, end), 0.0)
    left = 100 * _seconds(first, begin) / whole
    return Span(kind, what, begin, end, seconds, round(left, 3), round(100 * seconds / whole, 3))


def _spans(study: Study) -> Iterator[tuple[str, str, str, str]]:
    """Kind, what, begin and end; an empty end lasts until now."""
    seen = [found.at for found in study.counts] or [study.first_seen_at]
    grown = seen[-1]
    yield "seen", f"{len(seen)}", seen[0], grown
    yield from _pulls(study, grown)
    for item in study.handovers:
        yield from _delivery(item)


def _pulls(study: Study, grown: str) -> Iterator[tuple[str, str, str, str]]:
    """The pulls, and the times in the line before each."""
    pulls = study.every_pull
    before = grown
    for pull in pulls:
        if pull.asked_at > before:
            yield "line", "", before, pull.asked_at
        yield "pull", f"{pull.request.pacs} {pull.outcome}".strip(), pull.asked_at, pull.ended_at
        before = max(before, pull.ended_at)
    if not pulls and study.waits_for_pull:
        yield "line", "", grown, ""


def _delivery(item: HandOver) -> Iterator[tuple[str, str, str, str]]:
    ended = item.accepted_at or item.result_at
    yield "delivery", "", item.received_at, ended or ("" if item.open else item.received_at)
    if item.accepted_at:
        lasts = item.result_at or ("" if item.open else item.accepted_at)
        yield "backend", item.result, item.accepted_at, lasts


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
