"""
Orders from a view of the hospital's RIS, by SQLAlchemy: Oracle, SQL Server, MySQL, PostgreSQL or SQLite, by
URL.

Only SELECT is ever sent, on a connection that is read-only where the database knows that. Statements and
their values, which are patients' numbers, stay out of the errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, column, or_, select, table

from ..domain.dicom.attributes import dashed_date
from ..domain.pull.ris_orders import RisOrder
from .sql_view import read_only_engine, translated

MOST_ORDERS = 200
"""Of one study: a view that gives more is joined wrongly."""


@dataclass(frozen=True)
class RisColumns:
    """Names of the view's columns; empty: the view has none."""

    accession_number: str = "accession_number"
    patient_id: str = "patient_id"
    day: str = "order_date"
    body_part: str = "body_part"
    urgency: str = ""


class RisSql:
    """
    A view with a row an order; safe to use from several threads.

    ``day_format`` is how a text column writes the day (``%Y%m%d``); empty for a column of a date or time
    type.
    """

    def __init__(
        self, url: str, view: str, columns: RisColumns, day_format: str = "", timeout: float = 5.0
    ) -> None:
        """
        Prepare; nothing is opened yet.

        Args:
            url: SQLAlchemy's, such as ``oracle+oracledb://reader:...@ris:1521/?service_name=RIS``.
            view: Its name, with the schema before a point where there is one.
            columns: Its columns.
            day_format: Of a text column.
            timeout: For connecting and for a query, in seconds.

        Raises:
            ConfigurationError: A URL that cannot be read, or a driver that is not installed.
        """
        schema, _, name = view.rpartition(".")
        self._view = table(
            name, *map(column, sorted({c for c in vars(columns).values() if c})), schema=schema or None
        )
        self._columns = columns
        self._day_format = day_format
        self._engine = read_only_engine(url, timeout)

    def orders_of(self, accession_number: str, patient_id: str, day: str) -> list[RisOrder]:
        """The orders with this number, and all of this patient on this day (YYYY-MM-DD)."""
        c, names = self._view.c, self._columns
        wanted: list[ColumnElement[bool]] = []
        if accession_number:
            wanted.append(c[names.accession_number] == accession_number)
        if patient_id and day and names.patient_id and names.day:
            wanted.append(self._of_patient(patient_id, date.fromisoformat(day)))
        return self._ask(wanted) if wanted else []

    def _of_patient(self, patient_id: str, day: date) -> ColumnElement[bool]:
        c, names = self._view.c, self._columns
        first = min(day, date.max - timedelta(days=1))
        begin, end = self._written(first), self._written(first + timedelta(days=1))
        return and_(c[names.patient_id] == patient_id, c[names.day] >= begin, c[names.day] < end)

    def _ask(self, wanted: list[ColumnElement[bool]]) -> list[RisOrder]:
        query = select(*self._view.c).where(or_(*wanted)).limit(MOST_ORDERS)
        with translated(), self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            connection.rollback()
        return [self._order(row) for row in rows]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _written(self, day: date) -> Any:
        # the RIS's own clock, as its column has it
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
        return midnight.strftime(self._day_format) if self._day_format else midnight

    def _order(self, row: Mapping[Any, Any]) -> RisOrder:
        names = self._columns
        values = {field: _text(row[name]) if name else "" for field, name in vars(names).items()}
        return RisOrder(**{**values, "day": self._read_day(row[names.day]) if names.day else ""})

    def _read_day(self, value: Any) -> str:
        if isinstance(value, date):
            return value.strftime("%Y-%m-%d")
        text = _text(value)
        if self._day_format:
            written = text[: len(self._written(date(2000, 1, 1)))]
            try:
                day = datetime.strptime(written, self._day_format)  # noqa: DTZ007 - a day has no time zone
                return day.strftime("%Y-%m-%d")
            except ValueError:
                return ""
        return dashed_date(text[:10])


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
