"""
A circuit breaker: while the other side is down nobody tries, but one at a time, now and then.

=========  ==========================  ==========================================================
state      who may try                 what turns it
=========  ==========================  ==========================================================
closed     everybody                   nobody there, or so many failures in a row: open
open       nobody, until ``retry_at``  the time: half-open
half-open  one, the probe              it succeeds: closed; it fails: open, for twice as long
=========  ==========================  ==========================================================

The backend, the finds and the moves of each PACS have one each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from .instants import milliseconds
from .retry import RetryPolicy, lasts
from .state_table import StateTable


class CircuitState(StrEnum):
    """Who may try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitEvent(StrEnum):
    """What turns a circuit, or is only counted."""

    SUCCEEDED = "succeeded"
    """By whomever, also one that had begun before it opened."""
    FAILED = "failed"
    """Too few in a row to open it, or one that had begun before it opened."""
    TRIPPED = "tripped"
    """Nobody is there, so many failures in a row, or the probe failed."""
    PROBED = "probed"
    """The time has come: one tries."""
    UNPROBED = "unprobed"
    """The probe found nothing to try with."""


CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN

TABLE: Mapping[CircuitState, Mapping[CircuitEvent, CircuitState]] = {
    CLOSED: {
        CircuitEvent.SUCCEEDED: CLOSED,
        CircuitEvent.FAILED: CLOSED,
        CircuitEvent.TRIPPED: OPEN,
    },
    OPEN: {
        CircuitEvent.SUCCEEDED: CLOSED,
        CircuitEvent.FAILED: OPEN,
        CircuitEvent.PROBED: HALF_OPEN,
    },
    HALF_OPEN: {
        CircuitEvent.SUCCEEDED: CLOSED,
        CircuitEvent.TRIPPED: OPEN,
        CircuitEvent.UNPROBED: OPEN,
    },
}

ALL_MAY_TRY, ONE_MAY_TRY, NOBODY_MAY_TRY = (CLOSED,), (HALF_OPEN,), (OPEN,)
PARTITIONS: Mapping[str, Mapping[str, tuple[CircuitState, ...]]] = {
    "who may try": {"all": ALL_MAY_TRY, "one": ONE_MAY_TRY, "nobody": NOBODY_MAY_TRY},
}
"""Each state is in exactly one group."""

CIRCUIT_STATES = StateTable(
    CircuitState, TABLE, "a circuit that is {state} cannot be {event}", __name__, PARTITIONS
)


@dataclass(frozen=True)
class CircuitPolicy:
    """
    So many failures in a row open it; ``pauses`` is how long it stays open, growing with each probe that
    fails.
    """

    failures: int = 5
    pauses: RetryPolicy = field(
        default_factory=lambda: RetryPolicy(1, timedelta(seconds=5), timedelta(seconds=60))
    )


@dataclass(frozen=True)
class Circuit:
    """
    Where it stands, ``since`` when and until when (``retry_at``), in epoch milliseconds; ``why`` is the last
    failure.

    ``away_since``: when it was opened first without a success since, 0 while it is closed.
    """

    state: CircuitState = CLOSED
    failures: int = 0
    opened: int = 0
    """How often in a row it was opened without a success in between."""
    since: int = 0
    retry_at: int = 0
    why: str = ""
    away_since: int = 0

    def failed(
        self, why: str, now: int, policy: CircuitPolicy, down: bool = False, wait: timedelta | None = None
    ) -> Circuit:
        """
        Count a failure, and open where it is one too many.

        Args:
            why: What went wrong.
            now: Epoch milliseconds.
            policy: When it opens, and for how long.
            down: Nobody is there, or asks to be left alone: opens at once.
            wait: How long the other side has asked us to wait.
        """
        counted = replace(self, failures=self.failures + 1, why=why)
        event = self._event_of(counted.failures, policy, down)
        counted = replace(counted, state=CIRCUIT_STATES.next(self.state, event))
        if event is not CircuitEvent.TRIPPED:
            return counted
        return counted._tripped(now, policy, wait)

    def _tripped(self, now: int, policy: CircuitPolicy, wait: timedelta | None) -> Circuit:
        """Open until the pause is over: longer each time, and as long as was asked for."""
        opened = self.opened + 1
        pause = max(policy.pauses.pause_after(opened), min(wait or timedelta(0), policy.pauses.longest))
        retry_at, away_since = now + milliseconds(pause), self.away_since or now
        return replace(self, opened=opened, since=now, retry_at=retry_at, away_since=away_since)

    def _event_of(self, failures: int, policy: CircuitPolicy, down: bool) -> CircuitEvent:
        """While it is open, failures are those of tries that had begun before: they do not prolong it."""
        if self.state is OPEN:
            return CircuitEvent.FAILED
        trips = down or self.state is HALF_OPEN or failures >= policy.failures
        return CircuitEvent.TRIPPED if trips else CircuitEvent.FAILED

    def may_probe(self, now: int) -> bool:
        """
        Say whether it is time for a probe; one that was opened later than now was opened by a clock that was
        ahead.
        """
        return self.state is OPEN and not lasts(
            self.since, timedelta(milliseconds=self.retry_at - self.since), now
        )

    def succeeded(self, now: int) -> Circuit:
        """Close after a success, the probe's or a late one's."""
        if self == Circuit(since=self.since):
            return self
        return Circuit(CIRCUIT_STATES.next(self.state, CircuitEvent.SUCCEEDED), since=now)

    def probing(self, now: int) -> Circuit:
        """Let one try."""
        return replace(self, state=CIRCUIT_STATES.next(self.state, CircuitEvent.PROBED), since=now)

    def unprobed(self, now: int) -> Circuit:
        """Let the next one probe at once."""
        return replace(
            self, state=CIRCUIT_STATES.next(self.state, CircuitEvent.UNPROBED), since=now, retry_at=now
        )
