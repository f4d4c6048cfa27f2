"""
Rows of the last answer to a query: a row that came before, letter by letter, is neither matched nor read
again.

A day of 10,000 studies is asked for every few seconds, and nearly every row is the one of the last time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...domain.dicom.attributes import Attributes, FoundStudy, found_study

MOST_QUERIES = 40
"""Queries whose rows are remembered: those that were answered last."""
WORTH_KEEPING = 20
"""Rows from which on they are: an answer for one study by its UID shall not push out that of a day."""
_Query = tuple[str, tuple[tuple[str, str], ...]]
_Row = tuple[str, int]
"""The StudyInstanceUID as the PACS wrote it, and the hash of the whole row."""


def _key(answer: Attributes) -> _Row:
    return answer.get("StudyInstanceUID", ""), hash(tuple(answer.items()))


@dataclass
class QueryRows:
    """
    The rows of one query: those of its last answer (``before``) and of the one that is read now (``now``).

    Only rows that match the query are in it. A row is known by its UID and by a hash of 64 bits over all its
    keys and values; the texts themselves would be some ten megabytes a day of 10,000 studies.
    """

    pacs: str
    query: tuple[tuple[str, str], ...]
    before: Mapping[_Row, FoundStudy]
    now: dict[_Row, FoundStudy] = field(default_factory=dict)

    def known(self, answer: Attributes) -> FoundStudy | None:
        """The study of a row that matched the last time; None: it is new or has changed."""
        key = _key(answer)
        study = self.before.get(key)
        if study is not None:
            self.now[key] = study
        return study

    def take(self, answer: Attributes) -> FoundStudy:
        """Read a row that matches."""
        study = self.now[_key(answer)] = found_study(self.pacs, answer)
        return study


@dataclass
class KnownRows:
    """A cache over all PACS; safe to use from several threads."""

    _rows: dict[_Query, Mapping[_Row, FoundStudy]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_query(self, pacs: str, query: Mapping[str, str]) -> QueryRows:
        """What is known of the rows of this query."""
        asked = tuple(query.items())
        return QueryRows(pacs, asked, self._rows.get((pacs, asked), {}))

    def keep(self, rows: QueryRows) -> None:
        """Keep the rows of an answer in the place of those before."""
        with self._lock:
            self._rows.pop((rows.pacs, rows.query), None)
            if len(rows.now) >= WORTH_KEEPING:
                self._rows[rows.pacs, rows.query] = rows.now
            for oldest in list(self._rows)[:-MOST_QUERIES]:
                del self._rows[oldest]
