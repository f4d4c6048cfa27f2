"""What a PACS was asked and what it answered: one entry a request, kept in order."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """
    One request.

    Attributes:
        service: ``C-ECHO``, ``C-FIND``, ``C-MOVE``, ``C-STORE`` or ``reject``.
        level: QueryRetrieveLevel, empty where there is none.
        keys: The keys with a value, as text; for C-STORE the UIDs and MoveOriginator, the AE title of who
            asked for it.
        calling: The caller's AE title.
        at: The hospital's time.
        seconds: From request to final response, in seconds; a query that was never answered has the time
            until it was given up.
        answers: Pending answers of a C-FIND; images sent for a C-MOVE, late ones not counted.
        status: Final status; None when there was none.
        habits: Names of habits that showed themselves.
        address: The caller's.
    """

    service: str
    level: str
    keys: Mapping[str, str]
    calling: str
    at: dt.datetime
    seconds: float
    answers: int
    status: int | None
    habits: tuple[str, ...] = ()
    address: str = ""


@dataclass
class Ledger:
    """All entries so far; safe to read while the PACS serves."""

    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: Entry) -> None:
        """Append one entry."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._entries.clear()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything so far, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def of(self, service: str, level: str | None = None) -> tuple[Entry, ...]:
        """The entries of one service, and of one level if named."""
        return tuple(one for one in self.entries if one.service == service and level in (None, one.level))

    @property
    def finds(self) -> tuple[Entry, ...]:
        """All C-FINDs."""
        return self.of("C-FIND")

    @property
    def moves(self) -> tuple[Entry, ...]:
        """All C-MOVEs."""
        return self.of("C-MOVE")

    def queries(self, level: str | None = None) -> int:
        """How many C-FINDs, of one level if named."""
        return len(self.of("C-FIND", level))

    def answers(self, level: str | None = None) -> int:
        """How many answers of C-FINDs, of one level if named."""
        return sum(one.answers for one in self.of("C-FIND", level))

    def bitten(self) -> Counter[str]:
        """How often each habit showed itself."""
        return Counter(name for one in self.entries for name in one.habits)

    def summary(self) -> list[tuple[str, str, int, int, float]]:
        """Service, level, requests, answers and the longest time in seconds."""
        rows: dict[tuple[str, str], list[Entry]] = {}
        for one in self.entries:
            rows.setdefault((one.service, one.level), []).append(one)
        return [
            (service, level, len(some), sum(one.answers for one in some), max(one.seconds for one in some))
            for (service, level), some in sorted(rows.items())
        ]
