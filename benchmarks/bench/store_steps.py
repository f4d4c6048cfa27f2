"""The steps of a study store that row 9 measures, with whichever adapter."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count

from pacs_module.domain.study.lifecycle import Event
from pacs_module.domain.study.priority import BACKLOG, Ageing
from pacs_module.domain.study.study import PULL, Study
from pacs_module.ports import StudyStore

NOW = 1_790_000_000_000
PACS = "PACS"
DAY = date(2026, 6, 18)
A_DAY = 900
DUE = 100
"""So many studies are due to be pulled, whatever the size of the store."""
NEW = 2_000_000
"""From here on are the studies that are inserted while the clock runs."""
AGEING = Ageing(timedelta(hours=1))


def study_of(number: int) -> Study:
    """A wanted study as a find leaves it; the first ones are due to be pulled."""
    day = DAY + timedelta(days=number // A_DAY)
    study = Study(
        f"1.2.840.{number}", day.isoformat(), "080000", f"A{number}", f"P{number}", "CHEST CT", ["CT"],
        first_seen_at=f"{day.isoformat()}T08:00:00.000+00:00",
    )  # fmt: skip
    study.apply(Event.WANTED, f"{PACS}: ModalitiesInStudy CT", NOW)
    study.saw(PACS, 300, NOW)
    if number < DUE:
        study.schedule(PULL, NOW + number)
    return study


@dataclass
class Steps:
    """
    Microseconds a step, by its name.

    Args:
        store: With the studies ``1.2.840.0`` to ``1.2.840.size - 1``.
        size: How many.
    """

    store: StudyStore
    size: int
    by_name: dict[str, list[float]] = field(default_factory=dict)
    inserted: list[str] = field(default_factory=list)
    _ticks: Iterator[int] = field(default_factory=count)

    def measured(self, times: int) -> Steps:
        """Each step so many times."""
        numbers = iter(range(NEW, 2 * NEW))
        chance = random.Random(1)  # noqa: S311 - no secret

        def one() -> str:
            return f"1.2.840.{chance.randrange(self.size)}"

        works: dict[str, Callable[[], object]] = {
            "read": lambda: self.store.get(one()),
            "update": lambda: self._update(one()),
            f"claim of the most urgent of {DUE} pulls": self.claim,
            "insert": lambda: self._insert(next(numbers)),
            "next due time": lambda: self.store.next_due(PULL),
        }
        self.by_name = {name: microseconds(work, times) for name, work in works.items()}
        return self

    def _update(self, uid: str) -> None:
        study = self.store.get(uid)
        assert study is not None  # noqa: S101
        study.why = f"{study.revision} times"
        self.store.replace(study)

    def claim(self) -> None:
        """The most urgent pull; its lease is over at the next one."""
        tick = next(self._ticks)
        taken = self.store.claim_pull(PACS, "bench", NOW + 10**9 + 10 * tick, 1, BACKLOG, AGEING)
        assert taken is not None  # noqa: S101

    def _insert(self, number: int) -> None:
        study = study_of(number)
        self.store.insert(study)
        self.inserted.append(study.study_uid)


def microseconds(work: Callable[[], object], times: int) -> list[float]:
    """Medians of ten parts of the calls: one that waits for something else is not the store's."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        took.append(1e6 * (time.perf_counter() - begin))
    part = max(1, times // 10)
    return [statistics.median(took[begin : begin + part]) for begin in range(0, times, part)]
