"""Result objects: read by a process of its own, kept in folders of ours, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..domain.results.judge_result_object import Incoming
from ..domain.results.pseudonyms import PseudonymRecord


@dataclass(frozen=True)
class ToRender:
    """
    A result in JSON.

    Args:
        handover_id: Its hand-over.
        at: When it came, ISO 8601 in the hospital's time.
        folder: Images that it was computed from.
        values: What the backend measured.
        message: Its words.
        algorithm: Name of the backend's algorithm.
        version: Of it.
    """

    handover_id: str
    at: str
    folder: str
    values: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    algorithm: str = ""
    version: str = ""


class ResultReader(Protocol):
    """Reads foreign objects where they can do no harm."""

    def look(self, file: Path) -> Incoming:
        """
        What an object says of itself.

        Raises:
            PermanentError: It cannot be read, or is larger than the site lets through.
            RetriableError: The disk cannot be read.
        """
        ...

    def restore(self, source: Path, target: Path, identity: PseudonymRecord | None) -> None:
        """
        Read an object to its end and write it, with its patient where there is one to give back.

        Raises:
            PermanentError: It is damaged, or its text is not in its charset.
            RetriableError: The disk cannot be written.
        """
        ...

    def render(self, kind: str, told: ToRender, identity: PseudonymRecord | None, target: Path) -> None:
        """
        Make an object of a result in JSON.

        Raises:
            PermanentError: It makes none.
            RetriableError: The disk cannot be written.
        """
        ...

    def rendered_uid(self, kind: str, told: ToRender) -> str:
        """The SOPInstanceUID that it gets, the same each time."""
        ...


class ResultFiles(Protocol):
    """Objects that were taken, on a disk that stays, until every destination has them."""

    def folder(self, result_id: str) -> Path:
        """Of a set that is kept."""
        ...

    def draft(self) -> Path:
        """A new folder for files that are not judged yet."""
        ...

    def discard(self, draft: Path) -> None:
        """Remove such a folder with whatever is left in it."""
        ...

    def keep(self, result_id: str, study_uid: str, files: Sequence[Path]) -> None:
        """
        Move files into a set's folder, whole or not at all, and safe from a loss of power.

        Raises:
            RetriableError: The disk cannot be written.
        """
        ...

    def all(self) -> Iterable[tuple[str, str, float]]:
        """Each set: its id, its study, and its age in seconds."""
        ...

    def remove(self, result_id: str) -> None:
        """The set is needed no more; one that is gone is no error."""
        ...

    def remove_drafts(self, older_s: float) -> None:
        """Remove what a process left that died over it."""
        ...


class PseudonymRecords(Protocol):
    """Who stands behind the pseudonyms."""

    def keep(self, handover_id: str, identity: PseudonymRecord) -> None:
        """
        Write it down.

        Raises:
            OSError: The disk cannot be written.
        """
        ...

    def of_study(self, study_uid: str) -> PseudonymRecord | None:
        """
        Of a study with all its hand-overs; None: nothing was written down, or it is forgotten.

        Raises:
            Unreadable: What was written down is damaged.
        """
        ...

    def studies(self, older_s: float) -> Iterable[str]:
        """StudyInstanceUIDs of those that are older than so many seconds."""
        ...

    def forget(self, study_uid: str) -> None:
        """Remove what is known of a study; nothing can come back for it any more."""
        ...

    def forget_older(self, days: int) -> int:
        """Remove what is older; how many studies."""
        ...


class ResultInbox(Protocol):
    """The folder in which a backend leaves results."""

    def whole(self) -> Sequence[Path]:
        """
        Files that nobody writes any more.

        Raises:
            RetriableError: The folder cannot be read.
        """
        ...

    def done(self, file: Path) -> None:
        """It is taken: remove it."""
        ...

    def refuse(self, file: Path, why: str) -> None:
        """Put it aside with the reason in a file beside it."""
        ...

    def trim_refused(self, keep_s: float) -> int:
        """Remove what was put aside longer ago, or is too much; how many files."""
        ...
