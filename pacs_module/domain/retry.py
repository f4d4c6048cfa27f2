"""Growing pauses between attempts. The attempts themselves are counted in the study document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


def doubled(first: float, attempt: int, longest: float) -> float:
    """
    The pause after the given attempt (counted from 1): ``first`` doubled attempt-1 times, never above
    ``longest``.
    """
    return float(min(first * 2.0 ** min(max(attempt - 1, 0), 30), longest))


@dataclass(frozen=True)
class RetryPolicy:
    """At most ``attempts`` in all; the n-th pause is ``first`` doubled n-1 times, never above ``longest``."""

    attempts: int = 5
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=30)

    def pause_after(self, attempt: int) -> timedelta:
        """The pause after the given attempt (counted from 1)."""
        seconds = doubled(self.first.total_seconds(), attempt, self.longest.total_seconds())
        return min(timedelta(seconds=seconds), self.longest)

    def exhausted(self, attempt: int) -> bool:
        """Whether the given attempt (counted from 1) was the last one."""
        return attempt >= self.attempts


def lasts(since: int, pause: timedelta, now: int) -> bool:
    """
    Whether a pause is still on, in epoch milliseconds; one that begins later than now was begun by a clock
    that was ahead.
    """
    return since <= now < since + pause // timedelta(milliseconds=1)
