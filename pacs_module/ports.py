"""
What the core needs from the world.

Each port has at least one adapter in ``pacs_module/adapters`` and one contract suite in ``tests/contract`` that every adapter
runs through.

Adapters raise :class:`~pacs_module.domain.errors.RetriableError` or :class:`~pacs_module.domain.errors.PermanentError` and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from .domain.messages import PullReport, PullRequest, SeriesFolder
from .domain.ris import RisOrder
from .domain.study import Study
from .domain.values import Attributes

# --- conditions of a store query, besides plain equality ---


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
            work: One of :data:`pacs_module.domain.study.WORK`.
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


@dataclass(frozen=True)
class Lease:
    """
    Who does something alone, and what was written down beside it (plain JSON values).

    ``beat`` is counted up whenever the lease is taken, also by who has it already: one that goes on changing has a living owner.
    There is no time in it, so no two clocks are ever compared. The first one is any number: a lease that was removed and made
    anew is not taken for the old one.
    """

    name: str
    owner: str
    beat: int
    memo: Mapping[str, object]


class Leases(Protocol):
    """What only one of the processes on a store does at a time; in the store, so that a dead owner's work is taken over."""

    def take(self, name: str, owner: str, over: int | None = None) -> Lease:
        """
        Take a lease that is free, one's own already, or another's that has not been renewed since one looked.

        Args:
            name: What it is for.
            owner: Who takes it; different for each process.
            over: The beat at which it stood when its owner was found dead; None: of a living one it is not taken.

        Returns:
            The lease as it stands now: another owner's when it was not to be had.
        """
        ...

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go, with a new memo or the old one; nothing happens when another has it."""
        ...

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo; nothing happens when another has it."""
        ...

    def remove(self, name: str, owner: str) -> None:
        """Let a lease go that nobody will ask for again, with its memo; nothing happens when another has it."""
        ...

    def all(self) -> Sequence[Lease]:
        """Those that there are, held or not."""
        ...


class PacsFinder(Protocol):
    """C-FIND at one or more PACS."""

    def find(self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()) -> list[Attributes]:
        """
        Ask one PACS.

        Args:
            pacs: Name of the PACS.
            level: PATIENT, STUDY, SERIES or IMAGE.
            query: Matching keys (DICOM keyword to value).
            return_keys: Keywords wanted back.

        Returns:
            An answer per match: keyword to text, several values joined by a backslash; what the PACS did not return is absent.

        Raises:
            RetriableError: No answer in time, association refused.
            PermanentError: The PACS or Orthanc cannot answer this query.
        """
        ...


class Ris(Protocol):
    """The orders of the hospital's RIS."""

    def orders_of(self, accession_number: str, patient_id: str, day: str) -> list[RisOrder]:
        """
        The orders with this number, and all of this patient on this day (YYYY-MM-DD); empty values match nothing.

        Raises:
            RetriableError: The RIS does not answer.
            PermanentError: The view cannot be read.
        """
        ...


class Puller(Protocol):
    """The plugins in the receiving Orthanc, as pacs_module sees them."""

    def ask(self, request: PullRequest) -> None:
        """
        Ask for a pull; the same ``pull_id`` again changes nothing.

        Raises:
            NoRoom: The RAM disk cannot take it now.
            TooLarge: The RAM disk can never take it.
            RetriableError: Orthanc is not reachable.
            PermanentError: Orthanc refuses it (an unknown PACS).
        """
        ...

    def report_of(self, pull_id: str) -> PullReport | str | None:
        """What became of a pull: its report when it has ended, ``"running"`` until then, None when the plugins do not know it."""
        ...

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Filter lines of a SERIES level find, for orthanc-python.log."""
        ...

    def release(self, handover_id: str) -> None:
        """The folder of a hand-over is needed no more; unknown ones are no error."""
        ...

    def room(self) -> Mapping[str, Any]:
        """The RAM disk: ``totalBytes``, ``freeBytes``, ``handoverBytes`` ..., ``pullsWaiting``, ``alarm``."""
        ...


@dataclass(frozen=True)
class Copied:
    """A hand-over without names: its pseudonyms and folders, and the files that could not be read, each with the reason."""

    study_uid: str
    filepath: str
    series: tuple[SeriesFolder, ...]
    failed: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Images."""
        return sum(one.number_received for one in self.series)


@dataclass(frozen=True)
class Archived:
    """A hand-over in the archive: its folder there, its files, and their bytes before and after."""

    folder: str
    files: int
    bytes_before: int
    bytes_after: int


class Archive(Protocol):
    """Where computed series are kept."""

    def store(self, handover_id: str, source: Path, today: date) -> Archived:
        """
        Keep a hand-over's folder, whole or not at all; done twice, it is there once.

        Raises:
            RetriableError: The archive cannot be written.
        """
        ...

    def sweep(self, today: date, is_made: Callable[[str], bool]) -> list[str]:
        """Remove the days that are over, and half hand-overs that are not made; which days they were."""
        ...


class CopyMaker(Protocol):
    """Copies of hand-overs without the names of people."""

    def make(self, handover_id: str, study_uid: str, series: Sequence[SeriesFolder]) -> Copied:
        """
        Make the copy, whole or not at all; one that is there is not made again.

        Raises:
            RetriableError: The folder cannot be written (full, not mounted).
        """
        ...

    def remove(self, handover_id: str) -> None:
        """The copy is needed no more; unknown ones are no error."""
        ...

    def sweep(self, is_kept: Callable[[str], bool], is_made: Callable[[str], bool]) -> list[str]:
        """Remove the copies that are not kept, and half ones that are not made; of which hand-overs the whole ones were."""
        ...


class Queue(Protocol):
    """The publishing side of RabbitMQ."""

    def publish(self, message: Mapping[str, Any], message_id: str, priority: int) -> None:
        """
        Publish one message; returns when the broker has confirmed that it is on disk in the queue.

        Raises:
            RetriableError: The broker is away, or did not confirm.
            PermanentError: The queue is missing or was declared otherwise.
        """
        ...

    def depth(self) -> int:
        """
        How many messages wait for a worker; those that a worker holds are not counted.

        Raises:
            RetriableError: The broker is away.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True)
class Delivery:
    """A message that a worker has taken and not yet settled."""

    message: Mapping[str, Any]
    message_id: str
    redelivered: bool
    tag: int


class QueueConsumer(Protocol):
    """One worker's side of RabbitMQ: one connection, one message at a time; used by one thread only."""

    def take(self, timeout: float) -> Delivery | None:
        """
        The next message by priority, or None when none came within ``timeout`` seconds.

        Raises:
            RetriableError: The broker is away; the next call connects again.
        """
        ...

    def keep_alive(self, seconds: float) -> None:
        """Serve the connection for some seconds while a message is worked on (heartbeats)."""
        ...

    def done(self, delivery: Delivery) -> None:
        """The message has been dealt with: acknowledge it."""
        ...

    def dead(self, delivery: Delivery) -> None:
        """Nobody can deal with the message: to the dead-letter queue."""
        ...

    def put_back(self, delivery: Delivery) -> None:
        """Give the message back to the queue, to be taken again."""
        ...

    def close(self) -> None:
        """Close the connection; messages that are not settled go back to the queue."""
        ...


class Backend(Protocol):
    """The AI."""

    def submit(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        """
        Ask the backend to compute a hand-over; returns when it has accepted (2xx).

        Raises:
            RetriableError: Not reachable, time-out, 5xx, 408, 425, 429.
            Refused: Any other 4xx: asking again will not help.
        """
        ...

    def gone(self) -> bool:
        """Whether its host says that nobody listens there: what it was computing died with it. False where nobody can tell."""
        ...


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> int:
        """Epoch milliseconds."""
        ...

    def today(self) -> date:
        """The date in the hospital's time zone."""
        ...

    def steady(self) -> int:
        """Milliseconds since some instant, by a clock that nobody sets and that goes on while the machine sleeps."""
        ...


class FileCheck(Protocol):
    """What delivery needs to know of a hand-over folder."""

    def count_files(self, folders: Sequence[SeriesFolder], filepath: str) -> int:
        """How many files lie in the folder (0: it is gone)."""
        ...


class EventLog(Protocol):
    """Where use cases write: contract lines to dcm_end.log, everything else to the JSON log."""

    def line(self, text: str) -> None:
        """One line of dcm_end.log, as made by :mod:`pacs_module.domain.loglines`."""
        ...

    def event(self, what: str, level: str = "INFO", **values: object) -> None:
        """Something worth saying that the contract has no line for."""
        ...
