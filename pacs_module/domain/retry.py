"""Growing pauses between attempts. The attempts themselves are counted in the study document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """At most ``attempts`` in all; the n-th pause is ``first`` doubled n-1 times, never above ``longest``."""

    attempts: int = 5
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=30)

    def pause_after(self, attempt: int) -> timedelta:
        """The pause after the given attempt (counted from 1)."""
        doubled = self.first.total_seconds() * 2.0 ** min(max(attempt - 1, 0), 30)
        return min(timedelta(seconds=min(doubled, self.longest.total_seconds())), self.longest)

    def exhausted(self, attempt: int) -> bool:
        """Whether the given attempt (counted from 1) was the last one."""
        return attempt >= self.attempts


def lasts(since: int, pause: timedelta, now: int) -> bool:
    """Whether a pause is still on, in epoch milliseconds; one that begins later than now was begun by a clock that was ahead."""
    return since <= now < since + pause // timedelta(milliseconds=1)
