"""
Where the studies are kept: the questions that use cases ask of them, and the conditions of the queries that
people make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from ..domain.study.priority import Ageing
from ..domain.study.study import Study
from .lists import StudyLists


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


@dataclass(frozen=True)
class Identity:
    """Which store it is: an id drawn when it was made, and when that was (ISO 8601 UTC)."""

    installation: str
    made_at: str


Where = Mapping[str, Any]
"""
Field (camelCase, dots for nested ones) to a plain value or a condition; all of them hold. A plain value
equals a field, or any element of a field that is an array, as in MongoDB.
"""

Order = Sequence[tuple[str, int]]


class StudyStore(Protocol):
    """The documents of ``study_info_list``."""

    @property
    def lists(self) -> StudyLists:
        """The lists for people."""
        ...

    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""
        ...

    def insert(self, study: Study) -> bool:
        """
        Write a new study with revision 1 (set on the object too); False, nothing changed, when its UID is
        there already.
        """
        ...

    def get_many(self, study_uids: Sequence[str]) -> dict[str, Study]:
        """Those of the studies that are there and can be read, by UID."""
        ...

    def insert_many(self, studies: Sequence[Study]) -> set[str]:
        """
        As :meth:`insert` of each, on disk together where the store can do that.

        Returns:
            The UIDs of those that were written. After an error nobody knows which were.
        """
        ...

    def replace_many(self, studies: Sequence[Study]) -> set[str]:
        """As :meth:`replace` of each, on disk together where the store can do that; the UIDs as there."""
        ...

    def replace(self, study: Study) -> bool:
        """
        Write a study back if nobody wrote it in between.

        Returns:
            True, and the object's revision counted up by one; False, and nothing written, when the stored
            revision differs or it is gone.
        """
        ...

    def claim(self, work: str, owner: str, now: int, lease: int) -> Study | None:
        """
        Take the study that has been due longest for a kind of work, exactly once over all threads and
        processes.

        A study is due when ``due[work] <= now``. The claim moves ``due[work]`` to ``now + lease`` in the same
        atomic write and counts the revision up, so that a worker that dies leaves the work to be claimed
        again when the lease is over. ``claims[work]`` is set to the owner, who has it until it is over or the
        work is scheduled by anybody.

        Args:
            work: One of :data:`pacs_module.domain.study.study.WORK`, or one of a destination's
                (:func:`pacs_module.domain.study.study.is_work`).
            owner: Who claims; different for each process.
            now: Epoch milliseconds.
            lease: Milliseconds.
        """
        ...

    def claim_growth_check(self, pacs: str, owner: str, now: int, lease: int) -> Study | None:
        """Claim, as :meth:`claim` does, the growth check of one PACS that has been due longest."""
        ...

    def claim_pull(
        self, pacs: str, owner: str, now: int, lease: int, least: int, ageing: Ageing
    ) -> Study | None:
        """
        Claim, as :meth:`claim` does, the most urgent due pull in the order of
        :mod:`pacs_module.domain.study.priority`.

        Args:
            pacs: Of the studies that this PACS has; empty: of those that no PACS is known to have.
            owner: Who claims.
            now: Epoch milliseconds.
            lease: Milliseconds.
            least: The lowest class.
            ageing: When a study rises.
        """
        ...

    def next_due(self, work: str) -> int | None:
        """The earliest ``due[work]`` of all studies, epoch milliseconds, or None."""
        ...

    def of_pseudonym(self, uid: str) -> Study | None:
        """The study that a backend without names knows by this UID, or None."""
        ...

    def of_handover(self, handover_id: str) -> Study | None:
        """The study that took in the notification with this id, or None."""
        ...

    def with_series(self, series_uid: str) -> Study | None:
        """The study that has this series, or None."""
        ...

    def of_day(self, day: date) -> list[Study]:
        """The studies whose StudyDate is this day."""
        ...

    def of_day_at(self, day: date, pacs: str) -> list[Study]:
        """Those of them that this PACS has or had."""
        ...

    def running(self) -> int:
        """How many pulls are asked for and have not ended."""
        ...

    def running_at(self, pacs: str) -> int:
        """How many of them at this PACS."""
        ...

    def pulling(self) -> list[Study]:
        """The studies whose pull is asked for and has not ended."""
        ...

    def handing_over(self) -> list[Study]:
        """The studies with a hand-over that is to be copied, published or looked for in the queue."""
        ...

    def held_by(self, work: str, owner: str, now: int) -> list[Study]:
        """
        The studies whose ``work`` this owner has claimed, and whose claim is not over at ``now`` (epoch
        milliseconds).
        """
        ...

    def due_after(self, work: str, latest: int) -> list[Study]:
        """The studies with ``due[work] > latest``."""
        ...

    def count_due(self, work: str) -> int:
        """How many studies have work of a kind, due now or later."""
        ...

    def next_with(self, work: str, limit: int) -> list[Study]:
        """The studies that have work of a kind, the first to be due first."""
        ...

    def waiting_routine(self, limit: int) -> list[Study]:
        """The studies that wait to be pulled without any priority, in the order of pulls."""
        ...

    def changed_before(self, moment: str, after: str, limit: int) -> list[Study]:
        """
        The studies that were changed last at this moment (ISO 8601 UTC) or before, by UID, from behind
        ``after``.
        """
        ...

    def of_patient(self, patient_id: str, pacs: Sequence[str]) -> list[Study]:
        """The studies that have this PatientID, or had it at one of these PACS before a correction."""
        ...

    def remove_many(self, studies: Sequence[Study]) -> set[str]:
        """
        Remove studies that nobody wrote in between, with their rows, acts and recorded headers.

        Returns:
            The UIDs of those that are gone.
        """
        ...

    def scrub(self, before: str) -> None:
        """
        See that what was removed cannot be read in the store's files any more, as far as the store can;
        documents that were set aside as damaged before this moment (ISO 8601 UTC) go as well.
        """
        ...

    def dropped_by_order(self, since: str, limit: int) -> list[Study]:
        """The studies that their order alone has dropped since then (ISO 8601 UTC), the newest first."""
        ...

    def given_up(self, since: str, limit: int) -> list[Study]:
        """The studies that could not be pulled, given up since then (ISO 8601 UTC), the newest first."""
        ...

    def last_backlog_slot(self) -> int | None:
        """The latest ``due[PULL]`` of the studies from before going live, or None."""
        ...

    def counts_by_state(self) -> dict[str, int]:
        """
        How many studies are in each state, by the state's text; those that are not wanted under the empty
        text.
        """
        ...

    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold: for the queries that people make, not for use cases."""
        ...

    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give; for people's queries, too."""
        ...

    def identity(self) -> Identity:
        """
        Which store it is, the same as long as it is this one; asked every few seconds.

        Raises:
            StoreLost: What was in use is not there any more.
            RetriableError: It does not answer.
        """
        ...

    def recover(self) -> str:
        """
        Go on after :class:`StoreLost` with what can be had: the lost documents where they can still be read,
        else none.

        Returns:
            What was done, in words; empty when there was nothing to do.

        Raises:
            StoreLost: Nothing can be done; a person must.
        """
        ...

    def unreadable(self) -> Mapping[str, str]:
        """
        The documents that this process could not read, by StudyInstanceUID, each with the reason; they are
        skipped.
        """
        ...

    def unreadable_beside(self) -> Mapping[str, str]:
        """
        Memos and entries beside the studies that this process could not read, by name, each with the reason;
        they count as never written.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
