"""Lists of studies for people: rows beside the documents, answered from indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..domain.explain.listing import Act, JudgedOfDay, Place, RowFilter, RowOrder, StudyRow
from ..domain.explain.sent import SentStudy


class StudyLists(Protocol):
    """What the pages ask of a store; :mod:`pacs_module.domain.explain.listing` says what it means."""

    def rows(self, wanted: RowFilter, order: RowOrder, after: Place | None, limit: int) -> list[StudyRow]:
        """The rows that are asked for, in their order, those after a place; at most so many."""
        ...

    def count_rows(self, wanted: RowFilter, most: int) -> int:
        """How many rows are asked for; ``most`` when there are as many or more."""
        ...

    def rows_of_days(self, days: Sequence[str]) -> list[StudyRow]:
        """All rows of some study dates (YYYY-MM-DD), in no order."""
        ...

    def first_seen_on(self, days: Sequence[str]) -> list[tuple[str, str]]:
        """
        Study date and first find (ISO 8601 UTC) of each study of some study dates, in no order; of those that
        a find has seen.
        """
        ...

    def judged_between(self, first_day: str, last_day: str) -> list[JudgedOfDay]:
        """What was judged on these days, both included: counted, day after day."""
        ...

    def uploads_of_day(self, day: str) -> list[tuple[str, str]]:
        """Destination and state of each upload of a day's studies, in no order."""
        ...

    def sent_with(self, work: str, limit: int) -> list[SentStudy]:
        """What goes to destinations, of the studies that have work of a kind; the first to be due first."""
        ...

    def results_of_day(self, day: str) -> list[SentStudy]:
        """The same of a day's studies for which the backend sent results, in no order."""
        ...

    def devices(self, since: str, most: int) -> list[str]:
        """The devices that made studies from this day on (YYYY-MM-DD), sorted; at most so many."""
        ...

    def acts(self, before: str, limit: int) -> list[Act]:
        """What people did before an instant (ISO 8601 UTC; empty: at any time), the newest first."""
        ...
