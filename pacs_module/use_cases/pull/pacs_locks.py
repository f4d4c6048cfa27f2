"""Whose turn it is to start pulls at a PACS, and how many of which urgency may start there now."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ...domain.pull.throttle import Allowance, Meter, Sparing, allowance, meter_memo, meter_of
from ...ports import Clock, EventLog
from ..recover.hold_leases import HoldLeases


@dataclass
class PullTurns:
    """
    One thread of one process at a time counts what runs at a PACS, claims a study and writes down that its pull is asked for.

    The rates are counted beside the lease, so that they hold over all processes and restarts.
    """

    sparing: Mapping[str, Sparing]
    clock: Clock
    local: Callable[[], datetime]
    log: EventLog
    leases: HoldLeases | None = None
    """None: there is only this process."""
    held: dict[str, str] = field(default_factory=dict)
    """By PACS, why less is started there now than at other times; for people."""
    _meters: dict[str, Meter] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def enter(self, names: Iterable[str]) -> set[str]:
        """Those of the PACS whose turn is ours now; each has to be left."""
        return {name for name in names if self._enter(name)}

    def leave(self, names: Collection[str]) -> None:
        """Let others have their turn."""
        for name in names:
            try:
                if self.leases is not None:
                    self.leases.let_go(_lease(name), meter_memo(self._meters.get(name, Meter())))
            finally:
                self._locks[name].release()

    def ours(self, name: str) -> bool:
        """Whether the turn is still ours: a process that stood still for long has lost it."""
        return self.leases is None or self.leases.holds(_lease(name))

    def allowance(self, name: str) -> Allowance:
        """What may be started at a PACS whose turn is ours."""
        now = self.clock.now()
        found = allowance(self.sparing[name], self._meters.get(name, Meter()), self.local(), now)
        if bool(found.why) != bool(self.held.get(name)):
            spared = bool(found.why)
            words = "the PACS is spared" if spared else "the PACS is spared no more"
            self.log.event("pacs_spared" if spared else "pacs_not_spared", words, pacs=name, why=found.why)
        self.held[name] = found.why
        return found

    def started(self, name: str, images: int) -> None:
        """A pull has been asked for there."""
        self._meters[name] = self._meters.get(name, Meter()).started(self.sparing[name], images, self.clock.now())

    def _enter(self, name: str) -> bool:
        if not self._locks[name].acquire(blocking=False):
            return False
        entered = False
        try:
            entered = self._take(name)
        finally:
            if not entered:
                self._locks[name].release()
        return entered

    def _take(self, name: str) -> bool:
        if self.leases is None:
            return True
        if not self.leases.hold(_lease(name)):
            return False
        self._meters[name] = meter_of(self.leases.memo(_lease(name)))
        return True


def _lease(name: str) -> str:
    return f"pull {name}"
