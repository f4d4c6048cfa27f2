"""
Reports from a view of the hospital's RIS: a row a report.

What the database writes otherwise than we do (days, states) is read by the settings; a row that cannot be
read is told and costs only itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, column, select, table

from ...domain.errors import MessageError, PermanentError
from ...domain.report_exchange.report import Report, check_report
from ..sql_view import read_only_engine, translated

MAX_REPORTS = 50_000
"""Of a day: a view that gives more is joined wrongly."""
_AT_ONCE = 500
"""Serial numbers in one query."""


@dataclass(frozen=True)
class ReportColumns:
    """Names of the view's columns; empty: the view has none."""

    serial: str = "report_no"
    day: str = "report_date"
    version: str = ""
    status: str = ""
    accession_number: str = "accession_number"
    patient_id: str = "patient_id"
    study_uid: str = ""
    modality: str = ""
    body_part: str = ""
    department: str = ""
    author: str = ""
    verified_by: str = ""
    findings: str = "findings"
    conclusion: str = "conclusion"


class SqlReportView:
    """The reports in a view; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        view: str,
        columns: ReportColumns,
        statuses: Mapping[str, str],
        day_format: str = "",
        timeout: float = 30.0,
    ) -> None:
        """
        Prepare; nothing is opened yet.

        Args:
            url: SQLAlchemy's.
            view: Its name, with the schema before a point where there is one.
            columns: Its columns.
            statuses: The site's words for preliminary, final, corrected and cancelled: word to ours.
            day_format: Of a text column (``%Y%m%d``); empty for a column of a date or time type.
            timeout: For connecting and for a query, in seconds.

        Raises:
            ConfigurationError: A URL that cannot be read, or a driver that is not installed.
        """
        schema, _, name = view.rpartition(".")
        wanted = sorted({one for one in vars(columns).values() if one})
        self._view = table(name, *map(column, wanted), schema=schema or None)
        self._columns, self._statuses, self._day_format = columns, dict(statuses), day_format
        self._engine = read_only_engine(url, timeout, "reports.view.url")

    def of_day(self, day: date) -> list[Report | str]:
        """The reports of a day; for a row that cannot be read its reason instead."""
        day_of = self._view.c[self._columns.day]
        begin, end = self._written(day), self._written(day + timedelta(days=1))
        return list(self._rows(and_(day_of >= begin, day_of < end)))

    def of_serials(self, serials: Sequence[str]) -> list[Report | str]:
        """The reports with these serial numbers."""
        found: list[Report | str] = []
        serial_of = self._view.c[self._columns.serial]
        for start in range(0, len(serials), _AT_ONCE):
            found += self._rows(serial_of.in_(serials[start : start + _AT_ONCE]))
        return found

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _rows(self, wanted: ColumnElement[bool]) -> Iterator[Report | str]:
        with translated(), self._engine.connect() as connection:
            query = select(*self._view.c).where(wanted).limit(MAX_REPORTS + 1)
            rows = connection.execute(query).mappings().all()
            connection.rollback()
        if len(rows) > MAX_REPORTS:
            raise PermanentError(
                f"the report view gives more than {MAX_REPORTS} rows of a day: nothing of it is taken"
            )
        for row in rows:
            try:
                yield self._report(row)
            except MessageError as error:
                yield error.public

    def _report(self, row: Mapping[Any, Any]) -> Report:
        told = self._texts_of(row)
        status = told.pop("status", "")
        version, at = told.pop("version", ""), row[self._columns.day]
        report = Report(
            **{**told, "day": self._day(at)},
            version=_version(version),
            status=self._statuses.get(status, status) or "final",
            reported_at=at.isoformat(timespec="seconds") if isinstance(at, datetime) else "",
        )
        return check_report(report)

    def _texts_of(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """By field what the view's columns tell."""
        return {field: _text(row[name]) for field, name in vars(self._columns).items() if name}

    def _written(self, day: date) -> Any:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the RIS's own clock, as in its column
        return midnight.strftime(self._day_format) if self._day_format else midnight

    def _day(self, value: Any) -> str:
        if isinstance(value, date):
            return value.strftime("%Y-%m-%d")
        text = _text(value)
        if not self._day_format:
            return text[:10]
        written = text[: len(self._written(date(2000, 1, 1)))]
        try:
            return datetime.strptime(written, self._day_format).strftime("%Y-%m-%d")  # noqa: DTZ007 - a day
        except ValueError:
            raise MessageError("day", text, self._day_format) from None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _version(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise MessageError("version", text, "a whole number")
    return int(text or 0)
