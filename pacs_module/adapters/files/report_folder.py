"""The folder of kept reports: ``reconcile-2026-11-20.json`` and the same as ``.xlsx``, one of each a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ...domain.errors import PermanentError, RetriableError, Unreadable
from ...domain.json_messages.kept_json import kept_object
from ...domain.reconcile.report import Report
from .report_render import write

_NAME = "reconcile-"
_KINDS = (".xlsx", ".json")


class ReportFolder:
    """
    Reports of single days, the newest of each; those older than ``keep_days`` are deleted, for they name
    patients.
    """

    def __init__(self, path: Path, keep_days: int) -> None:
        self._path = path
        self._keep_days = keep_days

    def keep(self, report: Report) -> None:
        """
        Write a day's report over an earlier one of that day.

        Raises:
            RetriableError: The folder cannot be written.
        """
        try:
            for kind in _KINDS:
                write(report, self._path / f"{_NAME}{report.first_day}{kind}")
            self.purge(date.fromisoformat(report.first_day) - timedelta(days=self._keep_days))
        except OSError as error:
            raise RetriableError(f"the report folder {self._path} cannot be written: {error}") from error

    def purge(self, before: date) -> int:
        """Remove the reports of the days before this one; how many days that were."""
        old = [day for day in self.days() if day < before]
        for day in old:
            for kind in _KINDS:  # .json last: by it the day is known
                self._file(day, kind).unlink(missing_ok=True)
        return len(old)

    def remove_with(self, named: Callable[[str], bool]) -> int:
        """Remove the reports of days in which somebody is named; how many days."""
        old = [day for day in self.days() if named(self._text(day))]
        for day in old:
            for kind in _KINDS:
                self._file(day, kind).unlink(missing_ok=True)
        return len(old)

    def days(self) -> list[date]:
        """Of which days there is a report, oldest first."""
        return sorted(self._days())

    def _days(self) -> Iterator[date]:
        for file in self._path.glob(f"{_NAME}????-??-??.json"):
            with suppress(ValueError):  # somebody else's file: 2026-13-45 is no day
                day = date.fromisoformat(file.stem.removeprefix(_NAME))
                if file.is_file():
                    yield day

    def read(self, day: date) -> dict[str, Any] | None:
        """
        A day's report as JSON, None when there is none.

        Raises:
            PermanentError: The file is damaged: comparing the day again writes it anew.
        """
        file = self._file(day, ".json")
        try:
            return kept_object(file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, Unreadable) as error:
            raise PermanentError(f"{file.name} is damaged: {error}") from error

    def _text(self, day: date) -> str:
        """Also of a damaged file: it names patients all the same."""
        return self._file(day, ".json").read_text(encoding="utf-8", errors="replace")

    def _file(self, day: date, kind: str) -> Path:
        return self._path / f"{_NAME}{day.isoformat()}{kind}"
