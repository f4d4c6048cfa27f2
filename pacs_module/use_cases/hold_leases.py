"""Hold leases: what only one of several pacs_module processes on one store does at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ..ports import Clock, EventLog, Leases
from .changing import milliseconds

LENGTH = timedelta(seconds=30)
"""After this the work of a process that died is taken over."""


@dataclass
class HoldLeases:
    """
    The leases of this process, renewed by :meth:`renew` at least three times in their length.

    A process that was stopped for longer than that has lost them, and sees it before it acts (:meth:`holds`).
    """

    leases: Leases
    owner: str
    clock: Clock
    log: EventLog
    length: timedelta = LENGTH
    gone: Callable[[str], bool] = lambda owner: False
    """Whether a process is known to be dead: then it holds nothing, and nobody waits for the end of its lease."""
    taken_over: Callable[[str], None] = lambda owner: None
    """Called with the owner that let one of its leases run out: it is dead, or stood still."""
    _until: dict[str, int] = field(default_factory=dict)
    _memos: dict[str, Mapping[str, object]] = field(default_factory=dict)
    _holders: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, name: str) -> bool:
        """Take or renew a lease; whether it is ours."""
        with self._lock:
            lease = self.leases.take(name, self.owner, self.clock.now(), milliseconds(self.length))
            dead = lease.owner if lease.owner not in ("", self.owner) and self.gone(lease.owner) else ""
            if dead:
                self.leases.give(name, dead)
                lease = self.leases.take(name, self.owner, self.clock.now(), milliseconds(self.length))
            self._memos[name] = lease.memo
            self._holders[name] = lease.owner
            if lease.owner != self.owner:
                self._until.pop(name, None)
                return False
            self._until[name] = lease.until
        before = lease.before or dead
        if before:
            self.log.event("lease taken over", "WARNING", lease=name, before=before)
            self.taken_over(before)
        return True

    def holds(self, name: str) -> bool:
        """Whether it is still ours, without asking the store."""
        return self._until.get(name, 0) > self.clock.now()

    def holder(self, name: str) -> str:
        """Who had it when it was last asked for."""
        return self._holders.get(name, "")

    def memo(self, name: str) -> Mapping[str, object]:
        """What the holder has written down beside it, as of the last :meth:`hold`."""
        return self._memos.get(name, {})

    def note(self, name: str, memo: Mapping[str, object]) -> None:
        """Write something down beside a lease that is ours."""
        self._memos[name] = dict(memo)
        self.leases.note(name, self.owner, memo)

    def let_go(self, name: str, memo: Mapping[str, object] | None = None) -> None:
        """Another may have it at once."""
        with self._lock:
            if self._until.pop(name, None) is not None:
                self._holders.pop(name, None)
                self.leases.give(name, self.owner, memo)

    def renew(self) -> bool:
        """Renew all that are ours; False: nothing more to do until the next round."""
        for name in tuple(self._until):
            with self._lock:
                if name not in self._until:
                    continue
                lease = self.leases.take(name, self.owner, self.clock.now(), milliseconds(self.length))
                if lease.owner == self.owner:
                    self._until[name] = lease.until
                else:
                    del self._until[name]
                    self.log.event("lease lost", "WARNING", lease=name, holder=lease.owner)
        return False

    def let_all_go(self) -> None:
        """The process ends: the others need not wait."""
        for name in tuple(self._until):
            self.let_go(name)
