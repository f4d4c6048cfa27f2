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
MOST_COUNTED = 1000
MOST_WAITING = 200
"""Studies that wait for a result and are looked at: those that have waited longest."""
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
    """
    The page. ``needing``: how many things need a person, of which ``needs`` are shown; ``usual_days``: the
    days that the arrivals are compared with.
    """

    day: str
    at: str
    needs: tuple[Need, ...]
    needing: int
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
        first = (today - timedelta(days=self.days_back)).isoformat()
        machine, rows = self.machine(), self.store.lists.rows_of_days([today.isoformat()])
        seen = [row.first_seen_at for row in rows if row.first_seen_at]
        earlier, late = self._first_seen_on(usual), self._late(first)
        return TodayView(
            day=today.isoformat(),
            at=iso(self.clock.now()),
            needs=(*machine.needs, *self._in_trouble(first), *map(_late, late[:MOST_SHOWN])),
            needing=len(machine.needs) + self._number_in_trouble(first) + len(late),
            counts=counts(rows),
            arrivals=arrivals(seen, list(earlier.values()), self.local),
            usual_days=tuple(day for day, found in earlier.items() if found),
            latency=latencies(rows),
            machine=machine,
        )

    def _first_seen_on(self, days: Sequence[date]) -> dict[str, list[str]]:
        """When the studies of each earlier day were first seen: of these days nothing else is shown."""
        by_day: dict[str, list[str]] = {day.isoformat(): [] for day in days}
        for day, seen_at in self.store.lists.first_seen_on(list(by_day)):
            by_day[day].append(seen_at)
        return by_day

    def _in_trouble(self, first: str) -> list[Need]:
        return [
            Need(row.state, row.study_uid, row.why, row.changed_at, f"/studies/{row.study_uid}", "redo", row)
            for state in _NEEDS_A_PERSON
            for row in self._rows(state, first, RowOrder.NEWEST, MOST_SHOWN)
        ]

    def _number_in_trouble(self, first: str) -> int:
        asked = (RowFilter(state=state.value, first_day=first) for state in _NEEDS_A_PERSON)
        return sum(self.store.lists.count_rows(wanted, MOST_COUNTED) for wanted in asked)

    def _late(self, first: str) -> list[StudyRow]:
        """Those that have waited longest: newer ones are many and not late while the backend is slow."""
        before = iso(self.clock.now() - int(self.late_after.total_seconds() * 1000))
        waiting = self._rows(State.PULL_DATA_END, first, RowOrder.OLDEST, MOST_WAITING)
        return [row for row in waiting if row.handed_over_at and _late_since(row) < before]

    def _rows(self, state: State, first: str, order: RowOrder, limit: int) -> list[StudyRow]:
        wanted = RowFilter(state=state.value, first_day=first)
        return self.store.lists.rows(wanted, order, None, limit)


def _late_since(row: StudyRow) -> str:
    """Since when the backend has it; as long as it has not taken it, since when it was handed over."""
    return row.delivered_at or row.handed_over_at


def _late(row: StudyRow) -> Need:
    link = f"/studies/{row.study_uid}"
    because = "the backend has accepted it" if row.delivered_at else "the backend has not accepted it yet"
    return Need("late_result", row.study_uid, because, _late_since(row), link, "redo", row)
