"""What one round of pulling keeps in mind: whose turn it is where, the places left, and who waits for room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.retry import lasts
from .pacs_locks import PullTurns


@dataclass
class Places:
    """At one PACS: ``free`` ones for a rank of ``least`` at least, and more for what a person asked for."""

    free: int
    manual: int
    least: int

    def take(self) -> None:
        """One fewer."""
        self.free -= 1
        self.manual -= 1


@dataclass
class Turns:
    """The turns of one round: all are left at its end, those that are not needed before the slow part of it."""

    turns: PullTurns
    names: Iterable[str]
    mine: set[str] = field(default_factory=set)

    def __enter__(self) -> Turns:
        self.enter(self.names)
        return self

    def __exit__(self, *_: object) -> None:
        self.keep(set())

    def enter(self, names: Iterable[str]) -> set[str]:
        """Those that are ours now and were not before."""
        entered = self.turns.enter(name for name in names if name not in self.mine)
        self.mine |= entered
        return entered

    def keep(self, names: set[str]) -> None:
        """Leave the others."""
        leaving, self.mine = self.mine - names, self.mine & names
        self.turns.leave(leaving)


@dataclass
class RoomGate:
    """
    While a study waits for room on the RAM disk nothing that comes after it takes the room away, for some time.

    Not for ever: one that is larger than the disk must not stop everybody.
    """

    _closed_at: int = 0
    _pause: timedelta = timedelta(0)
    _waits_since: dict[str, int] = field(default_factory=dict)

    def closed(self, now: int) -> bool:
        """Whether it is waited for room now."""
        return lasts(self._closed_at, self._pause, now)

    def close(self, study_uid: str, now: int, pause: timedelta, longest: timedelta) -> None:
        """A study had no room."""
        since = self._waits_since.setdefault(study_uid, now)
        if lasts(since, longest, now):
            self._closed_at, self._pause = now, pause

    def entered(self, study_uid: str) -> None:
        """It has found room."""
        self._waits_since.pop(study_uid, None)
