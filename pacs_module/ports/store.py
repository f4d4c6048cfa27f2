"""Where the studies are kept, and the conditions of a query there, besides plain equality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..domain.study.study import Study


@dataclass(frozen=True)
class Exists:
    """The field is there (``{"state": {"$exists": true}}``), or, with ``yes`` False, is not."""

    yes: bool = True


@dataclass(frozen=True)
class AnyOf:
    """The field equals one of these values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class AtMost:
    """The field is there and is not greater than this number or text."""

    value: Any


@dataclass(frozen=True)
class AtLeast:
    """The field is there and is not smaller than this number or text."""

    value: Any


Where = Mapping[str, Any]
"""Field (camelCase, dots for nested ones) to a plain value or a condition; all of them hold. A plain value equals a field, or any
element of a field that is an array, as in MongoDB."""

Order = Sequence[tuple[str, int]]


class StudyStore(Protocol):
    """The documents of ``study_info_list``."""

    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""
        ...

    def insert(self, study: Study) -> bool:
        """Write a new study with revision 1 (set on the object too); False, nothing changed, when its UID is there already."""
        ...

    def replace(self, study: Study) -> bool:
        """
        Write a study back if nobody wrote it in between.

        Returns:
            True, and the object's revision counted up by one; False, and nothing written, when the stored revision differs or it
            is gone.
        """
        ...

    def claim(self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()) -> Study | None:
        """
        Take the first study that is due for a kind of work, exactly once over all threads and processes.

        A study is due when ``due[work] <= now``. The claim moves ``due[work]`` to ``now + lease`` in the same atomic write and
        counts the revision up, so that a worker that dies leaves the work to be claimed again when the lease is over.
        ``claims[work]`` is set to the owner, who has it until it is over or the work is scheduled by anybody.

        Args:
            work: One of :data:`pacs_module.domain.study.study.WORK`.
            owner: Who claims; different for each process.
            now: Epoch milliseconds.
            lease: Milliseconds.
            where: Further conditions.
            order: Which of the due ones first; default the longest due.
        """
        ...

    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold."""
        ...

    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give."""
        ...

    def next_due(self, work: str) -> int | None:
        """The earliest ``due[work]`` of all studies, epoch milliseconds, or None."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
