"""
A circuit breaker: while the other side is down nobody tries, but one at a time, now and then.

=========  ==========================  ==========================================================
state      who may try                 what turns it
=========  ==========================  ==========================================================
closed     everybody                   nobody there, or so many failures in a row: open
open       nobody, until ``retry_at``  the time: half-open
half-open  one, the probe              it succeeds: closed; it fails: open, for twice as long
=========  ==========================  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..retry import RetryPolicy

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"


@dataclass(frozen=True)
class CircuitPolicy:
    """So many failures in a row open it; ``pauses`` is how long it stays open, growing with each probe that fails."""

    failures: int = 5
    pauses: RetryPolicy = field(default_factory=lambda: RetryPolicy(1, timedelta(seconds=5), timedelta(seconds=60)))


@dataclass(frozen=True)
class Circuit:
    """
    Where it stands, ``since`` when and until when (``retry_at``), in epoch milliseconds; ``why`` is the last failure.

    ``away_since``: when it was opened first without a success since, 0 while it is closed.
    """

    state: str = CLOSED
    failures: int = 0
    opened: int = 0
    """How often in a row it was opened without a success in between."""
    since: int = 0
    retry_at: int = 0
    why: str = ""
    away_since: int = 0

    def failed(self, why: str, now: int, policy: CircuitPolicy, down: bool = False, wait: timedelta | None = None) -> Circuit:
        """
        After a failure.

        Args:
            why: What went wrong.
            now: Epoch milliseconds.
            policy: When it opens, and for how long.
            down: Nobody is there, or asks to be left alone: opens at once.
            wait: How long the other side has asked us to wait.
        """
        counted = replace(self, failures=self.failures + 1, why=why)
        if self.state == OPEN or not (down or self.state == HALF_OPEN or counted.failures >= policy.failures):
            return counted
        opened = self.opened + 1
        pause = max(policy.pauses.pause_after(opened), min(wait or timedelta(0), policy.pauses.longest))
        retry_at = now + pause // timedelta(milliseconds=1)
        since, away_since = self._since(OPEN, now), self.away_since or now
        return replace(counted, state=OPEN, opened=opened, since=since, retry_at=retry_at, away_since=away_since)

    def may_probe(self, now: int) -> bool:
        """Whether it is time for a probe; one that was opened later than now was opened by a clock that was ahead."""
        return self.state == OPEN and not self.since <= now < self.retry_at

    def succeeded(self, now: int) -> Circuit:
        """After a success, the probe's or a late one's: all is well."""
        return self if self == Circuit(since=self.since) else Circuit(since=now)

    def probing(self, now: int) -> Circuit:
        """The time has come: one may try."""
        return replace(self, state=HALF_OPEN, since=now)

    def unprobed(self, now: int) -> Circuit:
        """The probe found nothing to try with: the next one may, at once."""
        return replace(self, state=OPEN, retry_at=now)

    def _since(self, state: str, now: int) -> int:
        return self.since if self.state == state else now
