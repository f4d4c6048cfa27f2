"""Numbers from the study documents, each once, for whoever collects them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...domain.explain.listing import Place, RowFilter, RowOrder, StudyRow, sort_key
from ...domain.explain.measures import Measured, measures
from ...domain.instants import iso
from ...ports import Clock, StudyStore

PAGE = 200
"""Rows read at once."""
OVERLAP_MS = 60_000
"""So much of the past is read again: another process writes with the clock of another host."""
MOST_REMEMBERED = 20_000
"""Studies."""


@dataclass(frozen=True)
class _Taken:
    """Of one study: the instant up to which its numbers were taken, and those of that very instant."""

    until: str
    at_that: Counter[Measured] = field(default_factory=Counter)


class MeasureStudies:
    """
    Reads the documents that changed since its last step and gives on what is new in them.

    It begins when it is made: what happened before is not counted, as with every counter of a process. Two
    processes on one store both give all of it.
    """

    def __init__(self, store: StudyStore, clock: Clock, take: Callable[[Measured], None]) -> None:
        self._store, self._take = store, take
        self._clock = clock
        self._begun = iso(clock.now())
        self._changed = self._begun
        self._taken: dict[str, _Taken] = {}

    def __call__(self) -> bool:
        """
        One step.

        Returns:
            False: there is no more to do at once.
        """
        began = self._clock.now()
        for study_uid in self._changed_studies():
            study = self._store.get(study_uid)
            if study is not None:
                self._take_new(study_uid, measures(study))
        self._changed = max(self._changed, iso(began - OVERLAP_MS))
        while len(self._taken) > MOST_REMEMBERED:
            del self._taken[next(iter(self._taken))]
        return False

    def _changed_studies(self) -> list[str]:
        """The studies that changed since the last step, the oldest change first."""
        found: list[str] = []
        after: Place | None = None
        while True:
            rows = self._store.lists.rows(RowFilter(), RowOrder.CHANGED, after, PAGE)
            found.extend(row.study_uid for row in rows if row.changed_at >= self._changed)
            if len(rows) < PAGE or rows[-1].changed_at < self._changed:
                return found[::-1]
            after = _place_of(rows[-1])

    def _take_new(self, study_uid: str, found: list[Measured]) -> None:
        before = self._taken.pop(study_uid, _Taken(self._begun))
        for one in _beyond(before, found):
            self._take(one)
        until = max([before.until, *(one.at for one in found)])
        # Put at the end: the studies that changed last are forgotten last.
        self._taken[study_uid] = _Taken(until, _counted_at(until, found))


def _counted_at(instant: str, found: list[Measured]) -> Counter[Measured]:
    return Counter(one for one in found if one.at == instant)


def _beyond(before: _Taken, found: list[Measured]) -> Iterator[Measured]:
    """
    What was not taken yet.

    The same instant may have brought more since: what is beyond the number taken then.
    """
    yield from (one for one in found if one.at > before.until)
    yield from (_counted_at(before.until, found) - before.at_that).elements()


def _place_of(row: StudyRow) -> Place:
    return Place(sort_key(row, RowOrder.CHANGED), row.study_uid)
