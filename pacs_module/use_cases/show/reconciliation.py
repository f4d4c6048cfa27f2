"""The page Reconciliation: reports by day, their trend, and repair (M26)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

from ...domain.errors import PermanentError
from ...domain.json_messages.documents import to_document
from ...domain.json_messages.kept_json import kept_list
from ...domain.reconcile.at_destination import AtDestination, There
from ...domain.reconcile.report import Answered
from ...domain.reconcile.report_line import ReportLine

DAYS_OF_TREND = 30
MOST_LINES = 300


class Reports(Protocol):
    """The kept reports."""

    def days(self) -> list[date]:
        """Of which days there is one, oldest first."""
        ...

    def read(self, day: date) -> dict[str, Any] | None:
        """
        A day's report, None when there is none.

        Raises:
            PermanentError: It is damaged.
        """
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
    ``problem``: what of the kept report cannot be read; empty: nothing.
    """

    days: tuple[str, ...]
    trend: tuple[DayOfTrend, ...]
    day: str = ""
    report: dict[str, Any] | None = None
    lines: tuple[dict[str, Any], ...] = ()
    lacking: tuple[dict[str, Any], ...] = ()
    """What is not equal at the destinations beside the backend."""
    problem: str = ""


@dataclass
class ShowReconciliation:
    """Makes the page; a day's numbers are kept as long as its report is the same."""

    reports: Reports
    _known: dict[date, DayOfTrend] = field(default_factory=dict)

    def __call__(self, day: date | None, every: bool = False) -> ReconciliationView:
        """Make it for one day; None: the newest that has a report."""
        days = self.reports.days()
        shown = day or (days[-1] if days else None)
        try:
            report, problem = (self.reports.read(shown) if shown else None), ""
        except PermanentError as error:
            report, problem = None, f"the kept report cannot be read: {error}"
        view = ReconciliationView(
            days=tuple(one.isoformat() for one in reversed(days)),
            trend=tuple(self._trend(days)),
            day=shown.isoformat() if shown else "",
            problem=problem,
        )
        return view if report is None else _with_report(view, report, every)

    def _trend(self, days: Sequence[date]) -> list[DayOfTrend]:
        newest = days[-1:]
        found = []
        for day in days[-DAYS_OF_TREND:]:
            if day not in self._known or day in newest:  # the newest may have been made again
                self._remember(day)
            if day in self._known:
                found.append(self._known[day])
        return found

    def _remember(self, day: date) -> None:
        """A damaged report is told where it is shown; in the trend its day is left out."""
        self._known.pop(day, None)
        with suppress(PermanentError):
            report = self.reports.read(day)
            if report is not None and not _lacking(report):
                self._known[day] = _numbers(day, report)


def _numbers(day: date, report: Mapping[str, Any]) -> DayOfTrend:
    return DayOfTrend(
        day.isoformat(), report["studiesInPacs"], report["missing"], report["compared"], report["madeAt"]
    )


_TOLD: Mapping[str, type] = {
    "compared": bool,
    "missing": int,
    "studiesInPacs": int,
    "madeAt": str,
    "byCause": dict,
    "repaired": dict,
    "answered": list,
    "lines": list,
}
"""What the page shows of a report, with the type of each value."""


def _lacking(report: Mapping[str, Any]) -> list[str]:
    return [key for key, kind in _TOLD.items() if type(report.get(key)) is not kind]


def _with_report(view: ReconciliationView, report: Mapping[str, Any], every: bool) -> ReconciliationView:
    """The page with what can be read of the report, and with what cannot."""
    lacking = _lacking(report)
    told = {key: kind() if key in lacking else report[key] for key, kind in _TOLD.items()}
    lines, cut_lines = kept_list(ReportLine, told.pop("lines"))
    answered, cut_answered = kept_list(Answered, told["answered"])
    sent, cut_sent = kept_list(AtDestination, report.get("destinations", []))  # earlier versions had none
    told |= {"byDestination": _counts_by_name(report.get("byDestination")), "answered": to_document(answered)}
    odd = [line for line in lines if every or line.missing or line.notes]
    not_equal = [one for one in sent if one.verdict is not There.EQUAL]
    return replace(
        view,
        report=told,
        lines=tuple(to_document(odd[:MOST_LINES])),
        lacking=tuple(_whole(one) for one in not_equal[:MOST_LINES]),
        problem="; ".join(_problems(lacking, cut_lines + cut_answered + cut_sent)),
    )


def _problems(lacking: Sequence[str], cut: int) -> list[str]:
    told = [f"the kept report lacks {', '.join(lacking)}"] if lacking else []
    return [*told, f"{cut} lines of the kept report cannot be read"] if cut else told


def _counts_by_name(told: Any) -> dict[str, dict[str, Any]]:
    named = told if isinstance(told, dict) else {}
    return {name: counts for name, counts in named.items() if isinstance(counts, dict)}


def _whole(one: AtDestination) -> dict[str, Any]:
    """With the counts that nobody knows."""
    document: dict[str, Any] = to_document(one)
    return {"inPacs": None, "there": None, **document}
