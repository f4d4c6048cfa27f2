"""Rows of a store in memory: the reference that the others are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ....domain.explain.listing import (
    Act,
    Place,
    RowFilter,
    RowOrder,
    RowVerdict,
    StudyRow,
    acts_of,
    cleaned,
    row_matches,
    row_of,
    sort_key,
    verdicts_of,
)
from ....domain.study.study import Study


class MemoryLists:
    """Made of the studies at each question; ``studies`` gives all of them."""

    def __init__(self, studies: Callable[[], Iterable[Study]]) -> None:
        self._studies = studies

    def rows(self, wanted: RowFilter, order: RowOrder, after: Place | None, limit: int) -> list[StudyRow]:
        """The rows that are asked for, in their order."""
        wanted = cleaned(wanted)
        found = [row for row in map(row_of, self._studies()) if row_matches(row, wanted)]
        keyed = sorted(((sort_key(row, order), row.study_uid, row) for row in found), key=lambda one: one[:2])
        if order.descending:
            keyed.reverse()
        if after is not None:
            place = (after.key, after.study_uid)
            keyed = [one for one in keyed if (one[:2] < place if order.descending else one[:2] > place)]
        return [row for _, _, row in keyed[:limit]]

    def count_rows(self, wanted: RowFilter, most: int) -> int:
        """How many rows are asked for, at most ``most``."""
        wanted = cleaned(wanted)
        return min(most, sum(row_matches(row_of(study), wanted) for study in self._studies()))

    def rows_of_days(self, days: Sequence[str]) -> list[StudyRow]:
        """All rows of some days."""
        return [row_of(study) for study in self._studies() if study.study_date in days]

    def verdicts_between(self, first_day: str, last_day: str) -> list[tuple[str, tuple[RowVerdict, ...]]]:
        """The verdicts of the studies of these days."""
        return [
            (study.study_uid, verdicts_of(study))
            for study in self._studies()
            if first_day <= study.study_date <= last_day and study.series
        ]

    def acts(self, before: str, limit: int) -> list[Act]:
        """What people did, the newest first."""
        found = [act for study in self._studies() for act in acts_of(study) if not before or act.at < before]
        return sorted(found, key=lambda act: (act.at, act.study_uid), reverse=True)[:limit]
