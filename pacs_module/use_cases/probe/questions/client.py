"""The talk with one PACS: counted, with a pause before each query, and over when the PACS falls silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ....domain.probe import Answer, Hello, Moved, Reply, Together

SILENT_IN_A_ROW = 3


class Asker(Protocol):
    """The DICOM side; never raises for what the PACS does."""

    def hello(self) -> Hello:
        """Accepted presentation contexts and C-ECHO, on one association."""
        ...

    def find(self, level: str, query: Mapping[str, str], keys: Sequence[str], root: str = "study") -> Reply:
        """One C-FIND on an association of its own."""
        ...

    def together(self, most: int, level: str, query: Mapping[str, str], keys: Sequence[str]) -> Together:
        """The same C-FIND on several associations at once."""
        ...

    def move(self, query: Mapping[str, str], destination: str, received: Callable[[], int]) -> Moved:
        """One C-MOVE of a series."""
        ...


@dataclass(frozen=True)
class MoveTest:
    """
    Where a series is to be moved, and how many of its images have come there; ``received`` is told the
    series.

    ``senders``: who sent them, ``AET@address``, where that is not who was asked.
    """

    destination: str
    received: Callable[[str], int]
    senders: Callable[[str], tuple[str, ...]] = lambda series: ()


class OutOfQueries(Exception):
    """The stated number has been reached, or the PACS has fallen silent; ``args[0]`` says which."""


@dataclass
class Talk:
    """Counts the queries, keeps the replies, and asks again once where a reply may be a slip."""

    asker: Asker
    pause: Callable[[], None]
    most: int
    queries: int = 0
    replies: list[tuple[str, Reply]] = field(default_factory=list)
    hollow: int = 0
    """Success without answers to a query that had some when it was asked again."""
    silent: int = 0
    refused: int = 0
    _failed_in_a_row: int = 0
    _over: str = ""

    def find(
        self,
        level: str,
        query: Mapping[str, str],
        keys: Sequence[str],
        *,
        some: bool = False,
        root: str = "study",
    ) -> Reply:
        """Ask; with ``some``, answers are expected and an empty reply is asked again."""
        reply = self._once(level, query, keys, root)
        if reply.error or (some and not reply.answers):
            again = self._once(level, query, keys, root)
            self.hollow += bool(reply.ok and not reply.answers and again.answers)
            return again
        return reply

    def _once(self, level: str, query: Mapping[str, str], keys: Sequence[str], root: str) -> Reply:
        self.take(1)
        self.pause()
        reply = self.asker.find(level, query, keys, root)
        self.replies.append((level, reply))
        self._count_failures(reply)
        return reply

    def _count_failures(self, reply: Reply) -> None:
        self.silent += reply.silent
        self.refused += reply.refused
        if not (reply.silent or reply.refused):
            self._failed_in_a_row = 0
            return
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= SILENT_IN_A_ROW:
            self._over = f"{self._failed_in_a_row} queries in a row were not answered: {reply.error}"
            raise OutOfQueries(self._over)

    def take(self, number: int) -> None:
        """Count queries; too many are refused, and all of them once the PACS has fallen silent."""
        if self._over:
            raise OutOfQueries(self._over)
        if self.queries + number > self.most:
            raise OutOfQueries(f"it would have been more than {self.most} queries")
        self.queries += number

    def answers(self) -> list[Answer]:
        """All answers so far."""
        return [answer for _, reply in self.replies for answer in reply.answers]
