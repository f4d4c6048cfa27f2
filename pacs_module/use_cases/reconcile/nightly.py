"""The nightly reconciliation: once a night over all processes on a store, each day's report kept (M26)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ...domain.instants import milliseconds
from ...domain.reconcile.nightly import NightlyPolicy, days_of
from ...domain.reconcile.report import Report
from ...domain.retry import lasts
from ...ports import Clock, EventLog
from ..recover.lease_holder import LeaseHolder
from ..recover.once_a_night import OnceANight

LEASE = "reconcile"


@dataclass
class Nightly:
    """
    The step of its loop.

    What was done is written down beside the lease: ``night`` the last one that was run and ``by`` whom; where
    it is being tried again ``trying`` which one, ``tries`` how often in vain, and ``notBefore`` (epoch
    milliseconds) when it is tried again.
    """

    reconcile: Callable[[Sequence[date]], Report]
    repair: Callable[[Report], Report]
    keep: Callable[[Report], None]
    leases: LeaseHolder
    clock: Clock
    local: Callable[[], datetime]
    log: EventLog
    policy: NightlyPolicy
    started: datetime

    def __post_init__(self) -> None:
        """Make what runs it once."""
        self._once = OnceANight(LEASE, self.leases, self.local, self.policy.at, self.started)

    def __call__(self) -> bool:
        """
        Run when it is time and no other process has.

        Returns:
            False: nothing more to do until the next look.
        """
        self._once(self._tonight)
        return False

    def _tonight(self, night: date, last: date | None, memo: Mapping[str, object]) -> dict[str, object]:
        tries, not_before = _tries(memo, night)
        if lasts(not_before - milliseconds(self.policy.pause), self.policy.pause, self.clock.now()):
            return dict(memo)
        reports = [self._one_day(day) for day in days_of(night, last, self.policy.days_back)]
        if all(report.compared for report in reports) or tries + 1 >= self.policy.tries:
            return {"night": night.isoformat(), "by": self.leases.owner}
        return {**memo, **self._to_be_tried_again(night, tries + 1)}

    def _to_be_tried_again(self, night: date, tries: int) -> dict[str, object]:
        again = self.clock.now() + milliseconds(self.policy.pause)
        told = {"night": night.isoformat(), "tries": tries}
        words = "reconcile: not all compared, tried again"
        self.log.event("reconcile_incomplete", words, "WARNING", **told)
        return {"trying": night.isoformat(), "tries": tries, "notBefore": again}

    def _one_day(self, day: date) -> Report:
        report = self.repair(self.reconcile([day]))
        self.keep(report)
        return report


def _tries(memo: Mapping[str, object], night: date) -> tuple[int, int]:
    """How often tonight was tried in vain, and when it may be tried again (epoch milliseconds)."""
    tries, not_before = memo.get("tries"), memo.get("notBefore")
    if memo.get("trying") != night.isoformat() or type(tries) is not int or type(not_before) is not int:
        return 0, 0
    return tries, not_before
