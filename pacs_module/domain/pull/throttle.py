"""
Throttle: how many pulls at once, in which hours, and how many an hour (M13).

Rates are kept evenly: 60 pulls an hour are one a minute. What a person asks for and emergencies are counted
and never held by a rate; in which hours they are pulled is said by ``least``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time

from ..study.priority import BACKLOG, EMERGENCY

HOUR_MS = 3_600_000
CLOCK_SLACK_MS = 60_000
"""So far the clocks of two hosts may lie apart."""


@dataclass(frozen=True)
class Hours:
    """
    Hours of the hospital's day in which a PACS is spared; over midnight when ``end`` is not after ``begin``.

    ``days``: 0 Monday to 6 Sunday, of the begin. ``parallel``: pulls at once. ``least``: the lowest priority
    that is pulled.
    """

    begin: time
    end: time
    days: frozenset[int] = frozenset(range(7))
    parallel: int | None = None
    least: int = BACKLOG

    def hold_at(self, local: datetime) -> bool:
        """Return whether ``local`` falls within these hours."""
        at, day = local.time(), local.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= at < self.end
        return (day in self.days and at >= self.begin) or ((day - 1) % 7 in self.days and at < self.end)


@dataclass(frozen=True)
class PacsLimits:
    """
    What one PACS is asked for: ``parallel`` pulls at once, ``pulls`` and ``images`` an hour (None: no limit),
    and ``queries`` a second that follow growing studies, beside the finds of the day.
    """

    parallel: int = 1
    pulls: int | None = None
    images: int | None = None
    hours: tuple[Hours, ...] = ()
    queries: float = 2.0


def spared_from_queries(limits: PacsLimits, local: datetime) -> str:
    """
    Why no growing study is followed at a PACS now, in words; empty: they are. ``local``: the hospital's time.
    """
    hours = next((hours for hours in limits.hours if hours.hold_at(local)), None)
    return "" if hours is None else f"spared from {hours.begin:%H:%M} to {hours.end:%H:%M}"


@dataclass(frozen=True)
class RateMeter:
    """
    From when on the next pull is within the rates, and when the last one was counted (epoch milliseconds).
    """

    pulls_at: int = 0
    images_at: int = 0
    counted_at: int = 0

    def started(self, limits: PacsLimits, images: int, now: int) -> RateMeter:
        """The meter after one more pull of so many images."""
        meter = self.as_of(now)
        return RateMeter(
            _further(meter.pulls_at, limits.pulls, 1, now),
            _further(meter.images_at, limits.images, images, now),
            0 if limits.pulls is None and limits.images is None else now,
        )

    def as_of(self, now: int) -> RateMeter:
        """The meter; an empty one where the last pull was counted by a clock that was ahead."""
        return RateMeter() if self.counted_at > now + CLOCK_SLACK_MS else self


@dataclass(frozen=True)
class Allowance:
    """
    ``places``: pulls that may run at once; ``least``: the lowest rank that may be started; ``why``, empty: no
    hold.
    """

    places: int
    least: int
    why: str


def allowance(limits: PacsLimits, meter: RateMeter, local: datetime, now: int) -> Allowance:
    """
    What may be started at a PACS.

    Args:
        limits: Its settings.
        meter: What was started.
        local: The hospital's time.
        now: The same instant, epoch milliseconds.
    """
    meter = meter.as_of(now)
    places, least, reasons = limits.parallel, BACKLOG, []
    for hours in (hours for hours in limits.hours if hours.hold_at(local)):
        places = places if hours.parallel is None else min(places, hours.parallel)
        least = max(least, hours.least)
        reasons.append(f"spared from {hours.begin:%H:%M} to {hours.end:%H:%M}: {_words(hours)}")
    for what, limit, at in (
        ("pulls", limits.pulls, meter.pulls_at),
        ("images", limits.images, meter.images_at),
    ):
        if limit is not None and at > now:
            least = max(least, EMERGENCY)
            reasons.append(f"{limit} {what} an hour: the next in {(at - now) / 1000:.0f} s")
    return Allowance(places, least, "; ".join(reasons))


def meter_of(memo: Mapping[str, object]) -> RateMeter:
    """A meter as it was kept."""
    values = [memo.get(key) for key in ("pullsAt", "imagesAt", "countedAt")]
    pulls, images, counted = (value if isinstance(value, int) else 0 for value in values)
    return RateMeter(pulls, images, counted)


def meter_memo(meter: RateMeter) -> dict[str, object]:
    """A meter to be kept."""
    return {"pullsAt": meter.pulls_at, "imagesAt": meter.images_at, "countedAt": meter.counted_at}


def _further(at: int, per_hour: int | None, number: int, now: int) -> int:
    return 0 if per_hour is None else max(at, now) + number * HOUR_MS // per_hour


def _words(hours: Hours) -> str:
    parallel = [] if hours.parallel is None else [f"{hours.parallel} at once"]
    least = [f"priority {hours.least} and above"] if hours.least > BACKLOG else []
    return ", ".join(parallel + least) or "as always"
