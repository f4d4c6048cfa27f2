"""Where the headers that were judged are kept: one record a study, by day, beside the studies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class StoredRecord(NamedTuple):
    """One study's headers; ``day`` is YYYY-MM-DD, ``data`` what ``domain/rehearse/record.py`` reads."""

    study_uid: str
    day: str
    data: bytes


class DaySize(NamedTuple):
    """How much is recorded of a day: studies, and bytes of their records."""

    day: str
    studies: int
    size: int


class HeaderRecords(Protocol):
    """The records of judged headers."""

    def get(self, study_uid: str) -> StoredRecord | None:
        """The record of a study, or None."""
        ...

    def put(self, record: StoredRecord, before: bytes | None) -> bool:
        """
        Write a record if nobody wrote it in between.

        Args:
            record: The new one.
            before: The data that was read; None: there was no record.

        Returns:
            False, and nothing written, when the stored data is another one by now.
        """
        ...

    def between(self, first: str, last: str) -> Iterator[StoredRecord]:
        """The records of these days, both included, oldest day first."""
        ...

    def days(self) -> list[DaySize]:
        """The days that have records, oldest first."""
        ...

    def purge(self, before: str) -> int:
        """Drop the records of the days before this one; how many there were."""
        ...
