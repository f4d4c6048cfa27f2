"""
What is wrong, told from what is known: pure looks at servers, studies, devices and reports.

Each gives the alarms of its kind that there are now. Words name numbers, servers and devices, never a
patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from ..explain.listing import StudyRow
from ..explain.outages import Outage
from ..explain.overview import WEEKS_BACK, same_weekday_before
from ..instants import iso
from ..receive.completeness import SHORT
from ..study.study import Study
from .alarm import Alarm, Severity

MINUTE_MS = 60_000
USUAL_WEEKS = 3
"""A device is usually active at an hour when it was in so many of them."""
TREND_MS = 30 * MINUTE_MS
NEARLY_FULL = 0.9
"""Share of the quarantine from which on it is told."""
WAY = " of "
"""Between modality and PACS, where no device is known."""
FEWEST_STUDIES = 10
"""Below so many studies a share says nothing."""


@dataclass(frozen=True)
class Limits:
    """From when on something is an alarm."""

    away_ms: int
    """A server has been away for so long."""
    backlog: int
    """So many studies wait to be pulled, and there are more than half an hour ago."""
    result_ms: int
    """A backend has had a study for so long without a result."""
    complete_share: float
    """Of the studies handed over today so large a share has to be complete; 0 to 1."""
    silent_ms: int
    """A device that usually sends at this hour has sent nothing for so long."""
    arrivals_per_second: float = 0.0
    """So many images a second of one AE title, within the last minute; 0: no alarm."""


def away(outages: Iterable[Outage], now: int, limits: Limits) -> list[Alarm]:
    """Servers that have been away for long, and loops that fail by themselves."""
    return [
        Alarm(
            f"away {outage.what}",
            f"{outage.what} has been away for {_minutes(now - outage.since)}: {outage.because}",
            Severity.CRITICAL,
        )
        for outage in outages
        if now - outage.since >= limits.away_ms
    ]


def stuck(loops: Mapping[str, float]) -> list[Alarm]:
    """Loops whose step does not end, with its seconds so far."""
    return [
        Alarm(
            f"stuck {name}", f"the loop {name} has not ended its step for {seconds:.0f} s", Severity.CRITICAL
        )
        for name, seconds in loops.items()
    ]


def capped(pacs: Iterable[str]) -> list[Alarm]:
    """PACS that cut their lists, where no split helps."""
    return [
        Alarm(f"capped {name}", f"{name} cuts its lists and no split helps: studies may be missing")
        for name in pacs
    ]


def silent_scp(silent: Mapping[str, str]) -> list[Alarm]:
    """Receiving Orthancs that answered their own C-ECHO and do not any more, each with why."""
    return [
        Alarm(
            f"scp {name}",
            f"the receiving Orthanc {name} takes no association any more: {why}; restart it",
            Severity.CRITICAL,
        )
        for name, why in silent.items()
    ]


def wrong_clock(wrong: Mapping[str, str]) -> list[Alarm]:
    """What is wrong with our clock, by what it was compared with."""
    return [Alarm(f"clock {name}", words) for name, words in wrong.items()]


def uploads_wait(number: int, why: str) -> list[Alarm]:
    """Studies whose hand-overs do not get into the offline cache: their folders stay on the RAM disk."""
    if number <= 0:
        return []
    return [
        Alarm("upload_cache", f"{_studies(number)} wait for the offline cache: {why}", page="/destinations")
    ]


def ram_disk(full: bool) -> list[Alarm]:
    """The RAM disk is filled above its mark."""
    return [Alarm("ram_disk", "the RAM disk is filled above its mark: pulls wait for room")] if full else []


def dead_letters(number: int) -> list[Alarm]:
    """Deliveries that were given up; ``number`` of messages in the dead-letter queue."""
    if number <= 0:
        return []
    words = "1 delivery was given up" if number == 1 else f"{number} deliveries were given up"
    return [Alarm("dead_letters", f"{words}: each waits for a person", page="/dead-letters")]


def stuck_uploads(number: int) -> list[Alarm]:
    """Uploads to destinations that were given up; ``number`` of studies with one."""
    if number <= 0:
        return []
    words = "an upload of 1 study was" if number == 1 else f"uploads of {number} studies were"
    return [Alarm("uploads", f"{words} given up: each waits for a person", page="/destinations")]


def invalid_images(validation: Mapping[str, Any]) -> list[Alarm]:
    """Senders of which more images fail validation than the site tolerates; ``validation`` of the plugins."""
    return [
        Alarm(
            f"invalid {one['aeTitle']}",
            f"{one['window']['failed']} of {one['window']['failed'] + one['window']['passed']} images from "
            f"{one['aeTitle']} failed validation",
            page="/quarantine",
        )
        for one in validation.get("senders", ())
        if one["window"]["beyond"]
    ]


def quarantine_full(validation: Mapping[str, Any]) -> list[Alarm]:
    """The quarantine is nearly full: what comes next goes as QUARANTINE_WHEN_FULL says."""
    kept = validation.get("quarantine") or {}
    files, size = (kept.get("counts") or {}).get("held", 0), kept.get("bytes", 0)
    shares = [files / max(kept.get("maxFiles", 1), 1), size / max(kept.get("maxBytes", 1), 1)]
    if not kept or max(shares) < NEARLY_FULL:
        return []
    words = f"the quarantine is filled to {max(shares):.0%}: {files} images wait for a person"
    return [Alarm("quarantine", words, page="/quarantine")]


def arrivals(validation: Mapping[str, Any], limits: Limits) -> list[Alarm]:
    """Senders whose images come faster than the site wants to know of."""
    if not limits.arrivals_per_second:
        return []
    return [
        Alarm(
            f"arrivals {one['aeTitle']}",
            f"{one['perSecond']:.1f} images a second from {one['aeTitle']}, more than {limits.arrivals_per_second:g}",
            page="/quarantine",
        )
        for one in validation.get("senders", ())
        if one["perSecond"] > limits.arrivals_per_second
    ]


def refused_entries(number: int) -> list[Alarm]:
    """Reports and quality records that the platform or the RIS refused."""
    if number <= 0:
        return []
    words = "1 report or quality record was" if number == 1 else f"{number} reports or quality records were"
    return [Alarm("reports", f"{words} refused: each waits for a person", page="/reports")]


def backlog(counts: Iterable[tuple[int, int]], now: int, limits: Limits) -> list[Alarm]:
    """
    Many studies wait to be pulled, and there are more and more.

    Args:
        counts: Epoch milliseconds and how many waited then, the oldest first.
        now: Epoch milliseconds.
        limits: From how many on.
    """
    known = list(counts)
    before = [number for at, number in known if at <= now - TREND_MS]
    if not before:
        return []
    waiting = known[-1][1]
    if waiting < limits.backlog or waiting <= before[-1]:
        return []
    words = f"{waiting} studies wait to be pulled, {waiting - before[-1]} more than half an hour ago"
    return [Alarm("backlog", words, page="/studies?state=meta_only")]


def late_results(studies: Iterable[Study], now: int, limits: Limits) -> list[Alarm]:
    """Studies that the backend accepted long ago and has not answered for."""
    latest = iso(now - limits.result_ms)
    late = [
        item.accepted_at
        for study in studies
        for item in study.handovers
        if item.open and item.accepted_at and item.accepted_at <= latest
    ]
    if not late:
        return []
    oldest = now - _milliseconds(min(late))
    words = f"{_studies(len(late))} at the backend without a result, the oldest for {_minutes(oldest)}"
    return [Alarm("late_results", words, page="/studies?state=pull_data_end")]


def completeness(studies: Iterable[Study], limits: Limits) -> list[Alarm]:
    """Too many of a day's studies were handed over short."""
    verdicts = [last.completeness for study in studies if (last := study.last_handover) is not None]
    short = sum(verdict.startswith(SHORT) for verdict in verdicts)
    if len(verdicts) < FEWEST_STUDIES or 1 - short / len(verdicts) >= limits.complete_share:
        return []
    words = f"{short} of {len(verdicts)} studies of today were handed over short"
    return [Alarm("completeness", words, page="/studies?state=completed")]


def missing(missing_of_day: int, day: str) -> list[Alarm]:
    """The newest report of reconciliation found studies that were not computed."""
    if missing_of_day <= 0:
        return []
    words = f"reconciliation of {day}: {_studies(missing_of_day)} should have been computed and not"
    return [Alarm(f"reconciliation {day}", words, page=f"/reconciliation?date={day}")]


def silent_devices(rows: Iterable[StudyRow], local: datetime, limits: Limits) -> list[Alarm]:
    """
    Devices that are silent at an hour at which they usually are not.

    A study that was only found tells no device yet: as long as there is one that may be of a device, that
    device is not called silent.

    Args:
        rows: Of the days that :func:`days_to_compare` tells.
        local: The hospital's time now.
        limits: For how long.
    """
    span = timedelta(milliseconds=limits.silent_ms)
    sources: dict[str, _Source] = {}
    heard: set[str] = set()
    unknown: set[str] = set()
    for row in rows:
        week, ways = _week_of(row, local, span), set(ways_of(row))
        if week is None:
            continue
        if week == 0:
            heard |= ways
            unknown |= set() if row.device else ways
        for name in row.device or ways:
            source = sources.setdefault(name, _Source())
            source.weeks.add(week)
            source.ways |= ways
    minutes = _minutes(limits.silent_ms)
    return [
        Alarm(
            f"silent {name}",
            f"nothing from {name} for {minutes}; usually there is at this hour",
            page=_studies_of(name, source),
        )
        for name, source in sorted(sources.items())
        if source.is_silent and name not in heard and not source.ways & unknown
    ]


@dataclass
class _Source:
    """In which weeks a device was heard, and by which ways its studies come."""

    weeks: set[int] = field(default_factory=set)
    ways: set[str] = field(default_factory=set)

    @property
    def is_silent(self) -> bool:
        return 0 not in self.weeks and len(self.weeks) >= USUAL_WEEKS


def _studies_of(name: str, source: _Source) -> str:
    """The list of what came from there; ``name``: a device, or one of the ways."""
    if name not in source.ways:
        return f"/studies?device={quote(name)}"
    modality, _, pacs = name.partition(WAY)
    return f"/studies?modality={quote(modality)}&pacs={quote(pacs)}"


def ways_of(row: StudyRow) -> tuple[str, ...]:
    """The PACS and modalities of a study: what it comes by, and its source where no device is known."""
    return tuple(f"{modality}{WAY}{pacs}" for pacs in row.pacs for modality in row.modality)


def days_to_compare(local: datetime, limits: Limits) -> list[str]:
    """The days whose rows :func:`silent_devices` needs, as YYYY-MM-DD: two for each week around midnight."""
    begin = local - timedelta(milliseconds=limits.silent_ms)
    days = {day for end in (begin.date(), local.date()) for day in (end, *same_weekday_before(end))}
    return sorted((day.isoformat() for day in days), reverse=True)


def _week_of(row: StudyRow, local: datetime, span: timedelta) -> int | None:
    """How many weeks ago a study was first seen in the span that ends now; None: at another time."""
    if not row.first_seen_at:
        return None
    seen = datetime.fromisoformat(row.first_seen_at).astimezone(local.tzinfo)
    for week in range(WEEKS_BACK + 1):
        end = local - timedelta(weeks=week)
        if end - span < seen <= end:
            return week
    return None


def _studies(number: int) -> str:
    return "1 study" if number == 1 else f"{number} studies"


def _minutes(milliseconds: int) -> str:
    minutes = milliseconds // MINUTE_MS
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 120 else f"{minutes} min"


def _milliseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)
