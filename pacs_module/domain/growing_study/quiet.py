"""
Does a series stand still at the PACS? Told by its own count in repeated SERIES level finds (M11, N1).

A PACS announces no end of a series. A count that stays for ``series_quiet`` is taken for the end. Some PACS
show images in bursts, and some devices pause inside a series: the longest pause that was seen is learned per
device, and waited for from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

STOPPED_BELOW = 0.8
"""
A growth below this part of what the rate so far promises: the last image came before the end of the interval.
"""
STEADY_ABOVE = 0.9
"""A growth above this part of it says nothing, however many images that is: no rate is quite even."""
EVIDENT = 10.0
"""So many images that should have come by the rate so far, and have not: the series has stopped for now."""
EVIDENT_AT_THE_END = 5.0
"""The same where it has as many as were foreseen."""
STOPPED_MS = 300
"""Between the two looks that see a series stop, at least."""
MARGIN = 1.5
"""So many times the longest pause is waited for."""
NEVER = 2**62
"""Milliseconds."""
LONGEST_MS = 120_000
"""A longer pause is no pause inside a series: it is a late series, or images that somebody sent again."""
ENOUGH_SERIES = 3
"""After so many series without a pause a device is trusted to send evenly."""
FORGOTTEN_AFTER = 100
"""After so many series without it a pause counts half."""


@dataclass(frozen=True)
class QuietPolicy:
    """
    ``series_ms``: a count that has stood still for so long is the end of a series. ``even_ms``: the same, for
    a device that was never seen to pause. ``stopped_ms`` and ``even_stopped_ms``: after so long a pull may
    begin, which ends only when the rest of that time has shown no more images.
    """

    series_ms: int = 2_000
    even_ms: int = 1_000
    stopped_ms: int = 500
    even_stopped_ms: int = 300


@dataclass(frozen=True)
class SeriesTrack:
    """
    The counts of one series, as seen so far; instants in epoch milliseconds.

    ``changed_at``: when its count was seen for the first time; ``seen_at``: last. ``stopped_at``: when its
    last image probably came, by the rate (images a millisecond) at which it had grown. ``pause``: the
    longest, between two growths. ``steady`` False: it told fewer than before, so its counts prove nothing.
    ``lacks``: images that its rate promised for the last look, and that had not come.
    """

    count: int
    began_at: int
    changed_at: int
    seen_at: int
    stopped_at: float
    rate: float = 0.0
    pause: int = 0
    steady: bool = True
    lacks: float = 0.0

    def again(self, count: int, now: int) -> SeriesTrack:
        """The track after one more answer."""
        if count < self.count:
            return replace(self, seen_at=now, steady=False)
        if count == self.count:
            return replace(self, seen_at=now, lacks=self.lacks + self.rate * (now - self.seen_at))
        gained, between = count - self.count, max(1, now - self.seen_at)
        short = falls_short(gained, self.rate * between)
        stopped = self.seen_at + gained / self.rate if short else float(now)
        return replace(
            self,
            count=count,
            changed_at=now,
            seen_at=now,
            stopped_at=stopped,
            rate=self._rate_with(gained / between),
            pause=max(self.pause, self._pause_before(now)),
            lacks=self.rate * between - gained,
        )

    def _rate_with(self, latest: float) -> float:
        """
        The highest so far; where it was taken to have stopped and has not, it has become slower.
        """
        slower = self.rate > 0 and self.stopped_at < self.changed_at
        return latest if slower else max(self.rate, latest)

    def _pause_before(self, now: int) -> int:
        """
        How long it stood still before it grew now: not more than twice what was seen of it, since nobody
        looked in between.
        """
        stood = self.seen_at - self.changed_at
        pause = min(round(now - self.stopped_at), 2 * stood)
        return pause if pause <= LONGEST_MS else 0

    def stands_since(self) -> float:
        """When its last image probably came."""
        return min(self.stopped_at, float(self.changed_at))

    def stopped_from(self, pause: int) -> int:
        """
        From when on it has stopped for now, should the count not change: ``pause`` milliseconds after its
        last image, seen in two looks; what has not grown yet: never.
        """
        if not self.rate:
            return NEVER
        seen = max(STOPPED_MS, round(EVIDENT / self.rate))
        return max(self.changed_at + seen, round(self.stands_since() + pause))

    def has_stopped(self, pause: int, as_foreseen: bool) -> bool:
        """
        Whether it has stopped for now. No proof that it is whole: a pull may begin, and the quiet time goes
        on while it runs.

        ``as_foreseen``: it has about as many images as were foreseen, so that one look is enough.
        """
        if as_foreseen and self.lacks >= EVIDENT_AT_THE_END:
            return self.steady
        return self.steady and self.seen_at >= self.stopped_from(pause)

    def reaches(self, count: int) -> int | None:
        """
        When a look can tell that it has ended with so many instances, epoch milliseconds; None: its rate or
        its end is not known.
        """
        if not self.rate or count <= self.count:
            return None
        return self.seen_at + round((count - self.count + 2 * EVIDENT_AT_THE_END) / self.rate)

    def still_at(self, quiet: int) -> int:
        """
        From when on it stands still, should the count not change: half of the quiet time must have been seen.
        """
        return round(max(self.stands_since() + quiet, self.changed_at + quiet / 2))

    def stands_still(self, quiet: int) -> bool:
        """Whether it has stood still for ``quiet`` milliseconds, and was seen to."""
        return self.steady and self.seen_at > self.changed_at and self.seen_at >= self.still_at(quiet)


def falls_short(gained: int, promised: float) -> bool:
    """
    Whether a growth says that the last image came before the look: far less than was promised, or so many
    images less that an uneven rate does not explain them.
    """
    if gained >= STEADY_ABOVE * promised:
        return False
    return gained < STOPPED_BELOW * promised or promised - gained >= EVIDENT_AT_THE_END


def first_seen(count: int, now: int) -> SeriesTrack:
    """A series in its first answer: nobody knows when its last image came."""
    return SeriesTrack(count, now, now, now, float(now))


@dataclass(frozen=True)
class Pauses:
    """
    What is known of the pauses of one device: the ``longest`` inside a series (milliseconds), and over how
    many ``series``; ``since``: without one that long.
    """

    longest: int = 0
    series: int = 0
    since: int = 0

    def with_series(self, pause: int) -> Pauses:
        """After one more series whose longest pause was this."""
        if pause >= self.longest > 0 or (pause and not self.longest):
            return Pauses(pause, self.series + 1, 0)
        if self.since + 1 >= FORGOTTEN_AFTER:
            return Pauses(self.longest // 2, self.series + 1, 0)
        return Pauses(self.longest, self.series + 1, self.since + 1)

    def quiet(self, policy: QuietPolicy, followed: bool) -> int:
        """
        How long a count of this device must stand still, in milliseconds.

        Args:
            policy: The site's.
            followed: Another series of the study has grown since: the device goes on, with something else.
        """
        if self.longest:
            return max(policy.series_ms, round(MARGIN * self.longest))
        return policy.even_ms if self._is_even(followed) else policy.series_ms

    def stopped(self, policy: QuietPolicy, followed: bool) -> int | None:
        """
        How long after its last image a series of this device counts as stopped, in milliseconds; None: it
        pauses for so long that only the quiet time tells.
        """
        if self.longest:
            waited = round(MARGIN * self.longest)
            return waited if waited < self.quiet(policy, followed) else None
        return policy.even_stopped_ms if self._is_even(followed) else policy.stopped_ms

    def _is_even(self, followed: bool) -> bool:
        return followed or self.series >= ENOUGH_SERIES

    def to_memo(self) -> dict[str, int]:
        """As it is kept."""
        return {"longestMs": self.longest, "series": self.series, "since": self.since}


def pauses_of(memo: Mapping[str, object]) -> Pauses:
    """As it was kept; what cannot be read is not known."""
    values = [memo.get(key) for key in ("longestMs", "series", "since")]
    longest, series, since = (value if isinstance(value, int) and value >= 0 else 0 for value in values)
    return Pauses(longest, series, since)


@dataclass
class DevicePauses:
    """The pauses of the devices behind one PACS, by device."""

    by_device: dict[str, Pauses] = field(default_factory=dict)

    def of(self, device: str) -> Pauses:
        """What is known of a device; of one that was never seen nothing is."""
        return self.by_device.get(device, Pauses())
