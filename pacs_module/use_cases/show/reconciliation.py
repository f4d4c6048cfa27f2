"""The page Reconciliation: reports by day, their trend, and repair (M26)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from ...domain.reconcile.at_destination import There
from ...domain.reconcile.report_line import MISSING

_MISSING = frozenset(cause.value for cause in MISSING)
DAYS_OF_TREND = 30
MOST_LINES = 300


class Reports(Protocol):
    """The kept reports."""

    def days(self) -> list[date]:
        """Of which days there is one, oldest first."""
        ...

    def read(self, day: date) -> dict[str, Any] | None:
        """A day's report, None when there is none."""
        ...


@dataclass(frozen=True)
class DayOfTrend:
    """A day's report in numbers."""

    day: str
    in_pacs: int
    missing: int
    compared: bool
    made_at: str


@dataclass(frozen=True)
class ReconciliationView:
    """
    The page: the trend, and one day's report (None: there is none) with the lines that are missing or odd.
    """

    days: tuple[str, ...]
    trend: tuple[DayOfTrend, ...]
    day: str = ""
    report: dict[str, Any] | None = None
    lines: tuple[dict[str, Any], ...] = ()
    lacking: tuple[dict[str, Any], ...] = ()
    """What is not equal at the destinations beside the backend."""


@dataclass
class ShowReconciliation:
    """Makes the page; a day's numbers are kept as long as its report is the same."""

    reports: Reports
    _known: dict[date, DayOfTrend] = field(default_factory=dict)

    def __call__(self, day: date | None, every: bool = False) -> ReconciliationView:
        """Make it for one day; None: the newest that has a report."""
        days = self.reports.days()
        shown = day or (days[-1] if days else None)
        report = (self.reports.read(shown) if shown else None) or None
        sent = report.get("destinations", []) if report else []
        not_equal = [one for one in sent if one.get("verdict") != There.EQUAL]
        return ReconciliationView(
            lacking=tuple(not_equal[:MOST_LINES]),
            days=tuple(one.isoformat() for one in reversed(days)),
            trend=tuple(self._trend(days)),
            day=shown.isoformat() if shown else "",
            report=_without_lines(report),
            lines=tuple(_lines_of(report, every)[:MOST_LINES]),
        )

    def _trend(self, days: Sequence[date]) -> list[DayOfTrend]:
        newest = days[-1:]
        found = []
        for day in days[-DAYS_OF_TREND:]:
            if day not in self._known or day in newest:  # the newest may have been made again
                report = self.reports.read(day)
                if report is not None:
                    self._known[day] = _numbers(day, report)
            if day in self._known:
                found.append(self._known[day])
        return found


def _numbers(day: date, report: Mapping[str, Any]) -> DayOfTrend:
    return DayOfTrend(
        day.isoformat(),
        int(report.get("studiesInPacs", 0)),
        int(report.get("missing", 0)),
        bool(report.get("compared", False)),
        str(report.get("madeAt", "")),
    )


def _without_lines(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return (
        None
        if report is None
        else {key: value for key, value in report.items() if key not in ("lines", "destinations")}
    )


def _lines_of(report: Mapping[str, Any] | None, every: bool) -> list[dict[str, Any]]:
    """The lines of what lacks or has a note, or all of them."""
    lines = [] if report is None else report.get("lines", [])
    return [line for line in lines if every or line.get("cause") in _MISSING or line.get("notes")]
