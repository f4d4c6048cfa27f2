"""
Are the reports of a day on both sides? Count and serial numbers are sent to the platform, what it lacks is
read in the RIS again and sent again, until both sides are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ...domain.errors import MessageError, RetriableError
from ...domain.instants import iso
from ...domain.report_exchange.comparison import Difference, compare
from ...domain.report_exchange.entry import EntryKind, EntryState, wanted_again
from ...domain.report_exchange.report import Report
from ...ports import Clock, EventLog, Ledger, Platform, ReportView
from ..recover.lease_holder import LeaseHolder
from .send_entries import SendEntries
from .take_entries import TakeEntries

LEASE = "exchange comparison"
ROUNDS = 5
"""So often a day is compared in one go; what is not equal then is told and tried at the next interval."""
KEPT_DAYS = 31
SHOWN = 20


@dataclass
class CompareReports:
    """
    The step of its loop, for today and the day before.

    The lease's memo has the last result by day: ``here``, ``there``, ``missing``, ``strange``, ``queries``
    (lists that were sent), ``rounds``, ``at`` and ``equal``.
    """

    ledger: Ledger
    take: TakeEntries
    send: SendEntries
    platform: Platform
    view: ReportView | None
    leases: LeaseHolder
    today: Callable[[], date]
    clock: Clock
    log: EventLog

    def __call__(self) -> bool:
        """
        Compare both days.

        Returns:
            False: nothing more to do until the next interval.
        """
        if not self.leases.hold(LEASE):
            return False
        memo = dict(self.leases.memo(LEASE))
        today = self.today()
        try:
            for day in (today - timedelta(days=1), today):
                memo[day.isoformat()] = self.one_day(day)
        finally:
            self.leases.let_go(LEASE, {day: memo[day] for day in sorted(memo)[-KEPT_DAYS:]})
        return False

    def one_day(self, day: date) -> dict[str, object]:
        """
        Bring one day to be equal on both sides; what came of it.

        Raises:
            RetriableError: A server does not answer.
        """
        if self.view is not None:
            self._take(self.view.of_day(day))
        self._send_all()
        rounds, difference = 1, self._ask(day)
        while not difference.equal and rounds < ROUNDS:
            self._again(difference)
            self._send_all()
            rounds, difference = rounds + 1, self._ask(day)
        self._tell(difference, rounds)
        return {
            "here": difference.here,
            "there": difference.there,
            "missing": list(difference.missing[:SHOWN]),
            "strange": list(difference.strange[:SHOWN]),
            "missingCount": len(difference.missing),
            "strangeCount": len(difference.strange),
            "queries": rounds,
            "equal": difference.equal,
            "at": iso(self.clock.now()),
        }

    def _ask(self, day: date) -> Difference:
        ours = {
            entry.key: entry.version
            for entry in self.ledger.between(EntryKind.REPORT, day.isoformat(), day.isoformat())
        }
        answer = self.platform.reports_of(day.isoformat(), ours)
        try:
            return compare(day.isoformat(), ours, answer)
        except MessageError as error:
            raise RetriableError("the platform's list of reports cannot be read", str(error)) from error

    def _again(self, difference: Difference) -> None:
        """Read what the platform lacks once more where it can be read, and send it again."""
        if self.view is not None:
            self._take(self.view.of_serials(difference.missing))
        for serial in difference.missing:
            entry = self.ledger.get(EntryKind.REPORT, serial)
            if entry is not None and entry.state is EntryState.SENT:
                self.ledger.put(wanted_again(entry, "the platform does not have it", self.clock.now()))

    def _send_all(self) -> None:
        while self.send():
            pass

    def _take(self, rows: Iterable[Report | str]) -> None:
        """Take what a view gave; a row that cannot be read costs only itself."""
        readable: dict[str, Report] = {}
        for row in rows:
            if isinstance(row, str):
                self.log.event(
                    "report_unreadable", "a row of the report view cannot be read", "WARNING", error=row
                )
            elif row.serial in readable and readable[row.serial] != row:
                readable[row.serial] = max(readable[row.serial], row, key=_later)
                self.log.event(
                    "report_doubled", "two rows with one serial number", "WARNING", entry=row.serial
                )
            else:
                readable[row.serial] = row
        for report in readable.values():
            self.take(report.content("view"))

    def _tell(self, difference: Difference, rounds: int) -> None:
        level = "INFO" if difference.equal else "WARNING"
        self.log.event(
            "reports_compared", "reports compared with the platform", level, day=difference.day,
            here=difference.here, there=difference.there, missing=len(difference.missing),
            strange=len(difference.strange), queries=rounds,
        )  # fmt: skip


def _later(report: Report) -> tuple[object, ...]:
    """Of two rows with one serial number the one with the later version or time, the same one each time."""
    return report.version, report.reported_at, report.status, repr(report)
