"""Who may start pulls at a PACS now, and how many of which urgency."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ...domain.pull.throttle import Allowance, PacsLimits, RateMeter, allowance, meter_memo, meter_of
from ...ports import Clock, EventLog
from ..recover.lease_holder import LeaseHolder


@dataclass
class PacsLocks:
    """
    The lock of each PACS: under it one thread of one process counts what runs there, claims a study and
    writes down that its pull is asked for.

    A lock is a thread lock and, with several processes on a store, a lease. The rates are counted beside the
    lease, so that they hold over all processes and restarts.
    """

    limits: Mapping[str, PacsLimits]
    clock: Clock
    local: Callable[[], datetime]
    log: EventLog
    leases: LeaseHolder | None = None
    """None: there is only this process."""
    held_back: dict[str, str] = field(default_factory=dict)
    """By PACS, why less is started there now than at other times; for people."""
    _meters: dict[str, RateMeter] = field(default_factory=dict)
    _threads: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    @contextmanager
    def holding(self, names: Iterable[str]) -> Iterator[set[str]]:
        """
        Hold the locks of those of the PACS that are free.

        The set that is given may be added to (:meth:`take`) and taken from (:meth:`give`); what is left in it
        at the end is given back.
        """
        locked = self.take(names)
        try:
            yield locked
        finally:
            self.give(locked)

    def take(self, names: Iterable[str]) -> set[str]:
        """Lock those of the PACS that are free; each has to be given back."""
        return {name for name in names if self._take(name)}

    def give(self, names: Collection[str]) -> None:
        """Give locks back."""
        for name in names:
            try:
                if self.leases is not None:
                    self.leases.let_go(_lease(name), meter_memo(self._meter(name)))
            finally:
                self._threads[name].release()

    def ours(self, name: str) -> bool:
        """
        Say whether a lock that was taken still is ours: a process that stood still for long has lost it.
        """
        return self.leases is None or self.leases.holds(_lease(name))

    def allowance(self, name: str) -> Allowance:
        """Say what may be started at a PACS whose lock is ours."""
        found = allowance(self.limits[name], self._meter(name), self.local(), self.clock.now())
        if bool(found.why) != bool(self.held_back.get(name)):
            self._tell(name, found.why)
        self.held_back[name] = found.why
        return found

    def _tell(self, name: str, why: str) -> None:
        key, words = "pacs_not_spared", "the PACS is spared no more"
        if why:
            key, words = "pacs_spared", "the PACS is spared"
        self.log.event(key, words, pacs=name, why=why)

    def started(self, name: str, images: int) -> None:
        """Count a pull that has been asked for."""
        self._meters[name] = self._meter(name).started(self.limits[name], images, self.clock.now())

    def _meter(self, name: str) -> RateMeter:
        return self._meters.get(name, RateMeter())

    def _take(self, name: str) -> bool:
        if not self._threads[name].acquire(blocking=False):
            return False
        taken = False
        try:
            taken = self._take_lease(name)
        finally:
            if not taken:
                self._threads[name].release()
        return taken

    def _take_lease(self, name: str) -> bool:
        if self.leases is None:
            return True
        if not self.leases.hold(_lease(name)):
            return False
        self._meters[name] = meter_of(self.leases.memo(_lease(name)))
        return True


def _lease(name: str) -> str:
    return f"pull {name}"
