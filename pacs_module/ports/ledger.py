"""
Where reports and quality records are kept until, and after, the other side has them; and the other sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from ..domain.report_exchange.entry import Entry, EntryKind, EntryState
from ..domain.report_exchange.report import Report


class Ledger(Protocol):
    """The entries, by kind and key."""

    def get(self, kind: EntryKind, key: str) -> Entry | None:
        """The entry, or None."""
        ...

    def put(self, entry: Entry) -> bool:
        """
        Write an entry if nobody wrote it in between; its stored revision is one more than ``entry.revision``.

        Returns:
            False, and nothing written, when the stored revision is another one than ``entry.revision`` (0:
            not there).
        """
        ...

    def due(self, kind: EntryKind, now: int, limit: int) -> list[Entry]:
        """The entries that are to be sent by now (epoch milliseconds), longest due first."""
        ...

    def between(self, kind: EntryKind, first: str, last: str) -> Iterator[Entry]:
        """The entries of these days (YYYY-MM-DD), both included, by day and key."""
        ...

    def bodies(self, kind: EntryKind, first: str, last: str) -> list[Mapping[str, Any]]:
        """What the entries of these days say, in no order: for sums over thousands of them."""
        ...

    def in_state(self, kind: EntryKind, state: EntryState, limit: int) -> list[Entry]:
        """The entries in a state, newest day first."""
        ...

    def counts(self, kind: EntryKind) -> dict[EntryState, int]:
        """How many there are in each state that has any."""
        ...

    def remove(self, entry: Entry) -> bool:
        """Drop an entry that nobody wrote in between."""
        ...

    def purge(self, kind: EntryKind, before: str) -> int:
        """Drop the entries of the days before this one that were sent; how many there were."""
        ...


@dataclass(frozen=True)
class Taking:
    """
    What the other side said of some entries: the keys that it took, and the reasons of those it never will.
    """

    accepted: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)


class Recipient(Protocol):
    """The other side of one kind: the platform, or the RIS."""

    def send(self, entries: Sequence[Entry]) -> Taking:
        """
        Send some entries at once; an entry that the answer does not name was not taken.

        Raises:
            RetriableError: It does not answer, or not now.
            PermanentError: It refused them all together.
        """
        ...


class Platform(Recipient, Protocol):
    """The regional platform."""

    def reports_of(self, day: str, ours: Mapping[str, int]) -> Any:
        """
        Send count and list of a day's serial numbers; its answer, for
        :func:`pacs_module.domain.report_exchange.comparison.compare`.

        Raises:
            PipelineError: There was none.
        """
        ...


class ReportView(Protocol):
    """The reports in a view of the RIS."""

    def of_day(self, day: date) -> list[Report | str]:
        """The reports of a day; for a row that cannot be read its reason instead."""
        ...

    def of_serials(self, serials: Sequence[str]) -> list[Report | str]:
        """The reports with these serial numbers."""
        ...
