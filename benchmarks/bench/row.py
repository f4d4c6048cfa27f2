"""What a row of ``make bench`` is: lines of measured values, each with its reference and its target."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Met(StrEnum):
    """What a line's numbers say of its target."""

    YES = "met"
    NO = "missed"
    NONE = "no target"


@dataclass(frozen=True)
class Target:
    """
    A bound on a line's median, or on ours / reference where ``ratio``.

    ``least`` True: at least ``bound``, else at most. ``p95``: of ours, instead of the median.
    """

    bound: float
    least: bool = False
    ratio: bool = False
    p95: bool = False

    def words(self, unit: str) -> str:
        """As the table shows it."""
        sign, of = (">=" if self.least else "<="), ("p95 " if self.p95 else "")
        return f"{of}{sign} {self.bound:g}{' x' if self.ratio else f' {unit}'}"

    def is_met(self, value: float) -> bool:
        """Whether this value is within the bound."""
        return value >= self.bound if self.least else value <= self.bound


@dataclass(frozen=True)
class Line:
    """
    One measured thing.

    Args:
        what: In words.
        unit: Of ``ours`` and ``reference``.
        ours: One value a turn.
        against: What the reference is; empty: there is none.
        reference: One value a turn, taken in turn with ours.
        cpu: CPU seconds of ours, one value a turn, where they were taken.
        target: None: shown, and nothing is asked.
        reason: Why the target is out of reach, where that is known.
    """

    what: str
    unit: str
    ours: tuple[float, ...]
    against: str = ""
    reference: tuple[float, ...] = ()
    cpu: tuple[float, ...] = ()
    target: Target | None = None
    reason: str = ""
    key: str = ""
    """Under which ``pacs-module size`` finds it."""

    @property
    def median(self) -> float:
        """Of ours."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """Ours / reference, of the medians."""
        if not self.reference:
            return None
        return self.median / (statistics.median(self.reference) or float("nan"))

    @property
    def judged(self) -> float | None:
        """The value that the target bounds."""
        if self.target is None:
            return None
        if self.target.ratio:
            return self.ratio
        return p95(self.ours) if self.target.p95 else self.median

    @property
    def met(self) -> Met:
        """Whether the target is met."""
        if self.target is None or self.judged is None:
            return Met.NONE
        return Met.YES if self.target.is_met(self.judged) else Met.NO

    def to_json(self) -> dict[str, Any]:
        """For bench.json."""
        return {
            "what": self.what, "unit": self.unit, "ours": list(self.ours), "against": self.against,
            "reference": list(self.reference), "cpuSeconds": list(self.cpu), "median": self.median,
            "ratio": self.ratio, "met": self.met.value, "reason": self.reason,
            "target": self.target.words(self.unit) if self.target else "", "key": self.key,
        }  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """How much is measured: ``quick`` is a smoke run, whose numbers say nothing."""

    quick: bool

    def of(self, full: int, quick: int) -> int:
        """A number of turns, studies or images."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """
    One row of the table.

    Args:
        number: As in the issue.
        name: Short.
        what: What is measured, against what.
        run: Measures.
        needs: Programmes without which it cannot run, each with its path in words.
        quick: Whether it is part of the smoke run.
        limit_s: After so many seconds it is broken off, so that the rows behind it are measured.
    """

    number: int
    name: str
    what: str
    run: Callable[[Scale], Sequence[Line]]
    needs: tuple[str, ...] = ()
    quick: bool = True
    limit_s: int = 240


@dataclass
class Done:
    """A row that has run: its lines, or why there are none."""

    row: Row
    lines: Sequence[Line] = ()
    problem: str = ""
    seconds: float = 0.0
    load: float = 0.0
    """Of the machine when it began: the mean number of processes that ran in the last minute."""
    others: Sequence[str] = field(default_factory=list)
    """What else took CPU time meanwhile."""
    at: str = ""
    """When it began, in UTC."""


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


@dataclass(frozen=True)
class Took:
    """Wall clock and CPU seconds of this process."""

    wall: float
    cpu: float


def took(work: Callable[[], object]) -> Took:
    """Do it once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(turns: int, *works: Callable[[], Took]) -> list[list[Took]]:
    """A B A B ...: what each took, by work."""
    found: list[list[Took]] = [[] for _ in works]
    for _ in range(turns):
        for place, work in enumerate(works):
            found[place].append(work())
    return found


def cpu_of(pid: int) -> float:
    """User and system seconds of a process and of its children that have ended (proc(5), fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = sum(int(one) for one in fields[11:15])
    return ticks / 100
