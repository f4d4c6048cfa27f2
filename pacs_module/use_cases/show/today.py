"""The page Today: what needs a person first, then how the day goes (M37)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ...domain.explain.listing import RowFilter, RowOrder, StudyRow
from ...domain.explain.overview import (
    Counts,
    Hour,
    Latency,
    Local,
    arrivals,
    counts,
    latencies,
    same_weekday_before,
)
from ...domain.instants import iso
from ...domain.study.lifecycle import State
from ...ports import Clock, StudyStore

MOST_SHOWN = 25
"""Studies of one kind that are shown among what needs a person."""
_NEEDS_A_PERSON = (State.DEAD_LETTER, State.PULL_FAILED, State.UNPULLABLE)


@dataclass(frozen=True)
class Need:
    """
    Something that needs a person.

    ``kind`` is stable and names the words on the page: a state of a study, ``late_result``, ``outage``,
    ``stuck_loop``, ``ram_disk``, ``records``, ``missing``. ``action``: ``redo``, ``raise`` or ``link``.
    """

    kind: str
    what: str
    because: str
    since: str = ""
    link: str = ""
    action: str = ""
    study: StudyRow | None = None


@dataclass(frozen=True)
class Machine:
    """
    What the service tells of itself now.

    ``queue`` is the number of messages that wait, None when RabbitMQ does not say. ``needs``: what of it
    needs a person.
    """

    ram_disk: dict[str, Any] = field(default_factory=dict)
    queue: int | None = None
    dead_letters: int | None = None
    pacs: dict[str, dict[str, Any]] = field(default_factory=dict)
    backend: dict[str, Any] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class TodayView:
    """The page; ``usual_days`` are the days that the arrivals are compared with."""

    day: str
    at: str
    needs: tuple[Need, ...]
    counts: Counts
    arrivals: tuple[Hour, ...]
    usual_days: tuple[str, ...]
    latency: tuple[Latency, ...]
    machine: Machine


@dataclass
class ShowToday:
    """
    Makes the page. ``late_after``: a result that is awaited longer than this needs a person; ``days_back``:
    how far back studies that need one are looked for.
    """

    store: StudyStore
    clock: Clock
    local: Local
    machine: Callable[[], Machine]
    late_after: timedelta
    days_back: int = 7

    def __call__(self) -> TodayView:
        """
        Make it.

        Raises:
            RetriableError: The store is away.
        """
        today = self.clock.today()
        usual = same_weekday_before(today)
        of_day = self._rows_of([today, *usual])
        machine, rows = self.machine(), of_day[today]
        return TodayView(
            day=today.isoformat(),
            at=iso(self.clock.now()),
            needs=(*machine.needs, *self._studies(today)),
            counts=counts(rows),
            arrivals=arrivals(rows, [of_day[day] for day in usual], self.local),
            usual_days=tuple(day.isoformat() for day in usual if of_day[day]),
            latency=latencies(rows),
            machine=machine,
        )

    def _rows_of(self, days: Sequence[date]) -> dict[date, list[StudyRow]]:
        by_day: dict[str, list[StudyRow]] = {day.isoformat(): [] for day in days}
        for row in self.store.lists.rows_of_days(list(by_day)):
            by_day[row.day].append(row)
        return {day: by_day[day.isoformat()] for day in days}

    def _studies(self, today: date) -> list[Need]:
        first = (today - timedelta(days=self.days_back)).isoformat()
        needs = [
            Need(row.state, row.study_uid, row.why, row.changed_at, f"/studies/{row.study_uid}", "redo", row)
            for state in _NEEDS_A_PERSON
            for row in self._rows(state, first)
        ]
        return needs + [_late(row) for row in self._late(first)]

    def _late(self, first: str) -> Sequence[StudyRow]:
        before = iso(self.clock.now() - int(self.late_after.total_seconds() * 1000))
        waiting = self._rows(State.PULL_DATA_END, first)
        return [row for row in waiting if row.handed_over_at and _late_since(row) < before]

    def _rows(self, state: State, first: str) -> list[StudyRow]:
        wanted = RowFilter(state=state.value, first_day=first)
        return self.store.lists.rows(wanted, RowOrder.NEWEST, None, MOST_SHOWN)


def _late_since(row: StudyRow) -> str:
    """Since when the backend has it; as long as it has not taken it, since when it was handed over."""
    return row.delivered_at or row.handed_over_at


def _late(row: StudyRow) -> Need:
    link = f"/studies/{row.study_uid}"
    because = "the backend has accepted it" if row.delivered_at else "the backend has not accepted it yet"
    return Need("late_result", row.study_uid, because, _late_since(row), link, "redo", row)
