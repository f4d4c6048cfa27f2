"""
Hold leases: what only one of several pacs_module processes on one store does at a time, and who of them
lives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ...domain.instants import milliseconds
from ...ports import Clock, EventLog, Lease, Leases

LENGTH = timedelta(seconds=30)
"""After this the work of a process that died is taken over."""
_PRESENCE = "process "


@dataclass
class LeaseHolder:
    """
    The leases of this process, renewed by :meth:`renew` at least three times in their length; one of them
    says that it lives.

    No two clocks are compared: a lease is over when *we* have seen it unchanged for its length, and ours when
    *we* have renewed it within that. So a process that stood still sees that it has lost what it held before
    anybody can have taken it.
    """

    leases: Leases
    owner: str
    clock: Clock
    log: EventLog
    length: timedelta = LENGTH
    gone: Callable[[str], bool] = lambda owner: False
    """
    Whether a process is known to be dead: then it holds nothing, and nobody waits for the end of its lease.
    """
    _renewed: dict[str, int] = field(default_factory=dict)
    """What is ours, and when we asked for it last."""
    _known: dict[str, Lease] = field(default_factory=dict)
    _seen: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """Of the leases of others: owner and beat, and since when we see these."""
    _looked: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, name: str) -> bool:
        """Take or renew a lease; whether it is ours."""
        with self._lock:
            asked = self.clock.steady()
            lease, before = self._taken(name)
            self._known[name] = lease
            if lease.owner != self.owner:
                self._renewed.pop(name, None)
                return False
            self._renewed[name] = asked
        if before:
            self.log.event("lease_taken_over", "lease taken over", "WARNING", lease=name, before=before)
        return True

    def _taken(self, name: str) -> tuple[Lease, str]:
        """
        The lease after the try to take it, and who had it where it was taken from a process that is over.
        """
        lease = self.leases.take(name, self.owner)
        if lease.owner == self.owner or not self._is_over(lease):
            return lease, ""
        return self.leases.take(name, self.owner, lease.beat), lease.owner

    def holds(self, name: str) -> bool:
        """Whether it is still ours, without asking the store."""
        asked = self._renewed.get(name)
        return asked is not None and self.clock.steady() < asked + milliseconds(self.length)

    def holder(self, name: str) -> str:
        """Who had it when it was last asked for."""
        return self._known[name].owner if name in self._known else ""

    def memo(self, name: str) -> Mapping[str, object]:
        """What the holder has written down beside it, as of the last :meth:`hold`."""
        return self._known[name].memo if name in self._known else {}

    def note(self, name: str, memo: Mapping[str, object]) -> None:
        """Write something down beside a lease that is ours."""
        with self._lock:
            self._known[name] = replace(self._known[name], memo=dict(memo))
            self.leases.note(name, self.owner, memo)

    def let_go(self, name: str, memo: Mapping[str, object] | None = None) -> None:
        """Another may have it at once."""
        with self._lock:
            if self._renewed.pop(name, None) is not None:
                self._known.pop(name, None)
                self.leases.give(name, self.owner, memo)

    def renew(self) -> bool:
        """Renew all that are ours; False: nothing more to do until the next round."""
        for name in tuple(self._renewed):
            holder = self._renew(name)
            if holder is not None:
                self.log.event("lease_lost", "lease lost", "WARNING", lease=name, holder=holder)
        return False

    def _renew(self, name: str) -> str | None:
        """
        Renew one; None: it is ours, or was given back; else who has it now, as another had it meanwhile.
        """
        with self._lock:
            if name not in self._renewed:
                return None
            asked, before = self.clock.steady(), self._known[name].beat
            lease = self._known[name] = self.leases.take(name, self.owner)
            unbroken = lease.beat == before + 1 or name == _presence_of(self.owner)
            if lease.owner == self.owner and unbroken:
                self._renewed[name] = asked
                return None
            del self._renewed[name]
            # Another had it meanwhile: what we began with it is over, too.
            self.leases.give(name, self.owner)
            return lease.owner

    def let_all_go(self) -> None:
        """The process ends: the others need not wait."""
        for name in tuple(self._renewed):
            self.let_go(name)

    # --- who lives ---

    def be_present(self) -> None:
        """Say that this process lives; from now on :meth:`renew` does."""
        name = _presence_of(self.owner)
        if name not in self._renewed:
            self.hold(name)

    def dead(self) -> list[str]:
        """
        The processes that are over: known to be dead, or silent for the length of a lease. Each is ours to
        clear up after.

        Another that finds the same waits, until we have called :meth:`forget`, or are silent ourselves.
        """
        presences = [lease for lease in self._look() if lease.name.startswith(_PRESENCE)]
        over = [lease.name for lease in presences if lease.name != _presence_of(self.owner)]
        return [name.removeprefix(_PRESENCE) for name in over if self.hold(name)]

    def forget(self, owner: str) -> None:
        """Nothing is left of a process; it may come back, if it only stood still."""
        name = _presence_of(owner)
        with self._lock:
            self._renewed.pop(name, None)
            self._known.pop(name, None)
            self.leases.remove(name, self.owner)

    def _look(self) -> list[Lease]:
        """
        At everybody's leases. Who has not looked for long was away itself, and gives the others their length
        once more.
        """
        there, now = list(self.leases.all()), self.clock.steady()
        was_away = self._looked is not None and now >= self._looked + milliseconds(self.length)
        known = {} if was_away else self._seen
        with self._lock:
            self._seen = {
                lease.name: (lease.owner, lease.beat, _since(lease, known.get(lease.name), now))
                for lease in there
                if lease.owner != self.owner
            }
        self._looked = now
        return there

    def _is_over(self, lease: Lease) -> bool:
        if self.gone(lease.owner):
            return True
        now = self.clock.steady()
        since = _since(lease, self._seen.get(lease.name), now)
        self._seen[lease.name] = (lease.owner, lease.beat, since)
        return now >= since + milliseconds(self.length)


def _presence_of(owner: str) -> str:
    return f"{_PRESENCE}{owner}"


def _since(lease: Lease, seen: tuple[str, int, int] | None, now: int) -> int:
    return seen[2] if seen is not None and seen[:2] == (lease.owner, lease.beat) else now
