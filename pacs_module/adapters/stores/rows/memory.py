"""Rows of a store in memory: the reference that the others are compared with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from ....domain.explain.listing import (
    Act,
    JudgedOfDay,
    Place,
    RowFilter,
    RowOrder,
    StudyRow,
    acts_of,
    cleaned,
    judged_alike,
    judged_of_day,
    packed,
    row_matches,
    row_of,
    sort_key,
)
from ....domain.explain.sent import SentStudy, sent_of
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

    def first_seen_on(self, days: Sequence[str]) -> list[tuple[str, str]]:
        """Study date and first find of each study of some days."""
        return [(row.day, row.first_seen_at) for row in self.rows_of_days(days) if row.first_seen_at]

    def judged_between(self, first_day: str, last_day: str) -> list[JudgedOfDay]:
        """What was judged on these days."""
        studies = [study for study in self._studies() if first_day <= study.study_date <= last_day]
        by_day = itertools.groupby(
            sorted(studies, key=lambda one: (one.study_date, one.study_uid)), lambda one: one.study_date
        )
        found: list[JudgedOfDay] = []
        for _, of_day in by_day:
            found += judged_of_day((study.study_uid, packed(judged_alike(study))) for study in of_day)
        return found

    def uploads_of_day(self, day: str) -> list[tuple[str, str]]:
        """Destination and state of each upload of a day's studies."""
        studies = [study for study in self._studies() if study.study_date == day]
        return [(one.destination, one.state.value) for study in studies for one in study.uploads]

    def sent_with(self, work: str, limit: int) -> list[SentStudy]:
        """What goes to destinations, of the studies with work of a kind."""
        due = [study for study in self._studies() if work in study.due]
        ordered = sorted(due, key=lambda one: (one.due[work], one.study_uid))
        return [sent_of(study) for study in ordered[:limit]]

    def results_of_day(self, day: str) -> list[SentStudy]:
        """The same of a day's studies with results."""
        found = [sent_of(study) for study in self._studies() if study.study_date == day]
        return [one for one in found if one.results or one.refused_results]

    def devices(self, since: str, most: int) -> list[str]:
        """The devices that made studies from this day on."""
        recent = [row_of(study) for study in self._studies() if study.study_date >= since]
        return sorted({device for row in recent for device in row.device})[:most]

    def acts(self, before: str, limit: int) -> list[Act]:
        """What people did, the newest first."""
        found = [act for study in self._studies() for act in acts_of(study) if not before or act.at < before]
        return sorted(found, key=lambda act: (act.at, act.study_uid), reverse=True)[:limit]
