"""The page Studies: search, filter, sort and page (M37)."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.explain.listing import Place, RowFilter, RowOrder, StudyRow, sort_key
from ...ports import StudyStore

PAGE = 50
MOST_COUNTED = 1000
"""More than that is told as "1000 or more": to count further would read all of them."""


@dataclass(frozen=True)
class StudiesView:
    """One page of the list; ``after`` and ``next`` are where it begins and where the next one does."""

    wanted: RowFilter
    order: RowOrder
    rows: tuple[StudyRow, ...]
    found: int
    more_than_counted: bool
    after: Place | None = None
    next: Place | None = None


@dataclass(frozen=True)
class ShowStudies:
    """Makes the page."""

    store: StudyStore

    def __call__(
        self, wanted: RowFilter, order: RowOrder = RowOrder.NEWEST, after: Place | None = None
    ) -> StudiesView:
        """
        Make it.

        Raises:
            RetriableError: The store is away.
        """
        rows = self.store.lists.rows(wanted, order, after, PAGE + 1)
        shown, goes_on = tuple(rows[:PAGE]), len(rows) > PAGE
        counted = after is None and not goes_on  # to count these would look for them again
        found = len(rows) if counted else self.store.lists.count_rows(wanted, MOST_COUNTED)
        following = Place(sort_key(shown[-1], order), shown[-1].study_uid) if goes_on else None
        return StudiesView(wanted, order, shown, found, found >= MOST_COUNTED, after, following)
