"""What one of all processes on a store does once a night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from ...domain.reconcile.nightly import due_night
from .lease_holder import LeaseHolder

Night = Callable[[date, date | None, Mapping[str, object]], dict[str, object]]
"""
Does a night's work. Given the night, the last one that was done and what stands beside the lease; returns
what is to stand there: ``night`` (YYYY-MM-DD) the one that was done.
"""


@dataclass
class OnceANight:
    """
    Holds a lease while a night's work is done, and notes beside it which night that was.

    Args:
        lease: Its name.
        at: When a night begins, hospital time.
        started: When this process started, hospital time.
    """

    lease: str
    leases: LeaseHolder
    local: Callable[[], datetime]
    at: time
    started: datetime
    _settled: date | None = None
    """
    The night of which nothing more is to be done here, as far as the store said: it need not be asked again.
    """

    def __call__(self, run: Night) -> None:
        """Run when it is time and no other process has."""
        now = self.local()
        if now.time() < self.at or self._settled == now.date() or not self.leases.hold(self.lease):
            return
        memo = dict(self.leases.memo(self.lease))
        try:
            memo = self._tonight(memo, run)
        finally:
            self.leases.let_go(self.lease, memo)

    def _tonight(self, memo: dict[str, object], run: Night) -> dict[str, object]:
        last = _day(memo.get("night"))
        night = due_night(self.local(), self.at, last, self.started)
        if night is None:
            self._settled = self.local().date()
            return memo
        after = run(night, last, memo)
        if after.get("night") == night.isoformat():
            self._settled = night
        return after


def _day(told: object) -> date | None:
    """YYYY-MM-DD as it was noted; None where nothing was, or where it is no day."""
    try:
        return date.fromisoformat(str(told))
    except ValueError:
        return None
