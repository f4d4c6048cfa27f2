"""The files of hand-overs: counted, copied without names, archived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from ..domain.json_messages.messages import SeriesFolder


class FileCheck(Protocol):
    """What delivery needs to know of a hand-over folder."""

    def count_files(self, folders: Sequence[SeriesFolder], filepath: str) -> int:
        """How many files lie in the folder (0: it is gone)."""
        ...


@dataclass(frozen=True)
class Copied:
    """
    A hand-over without names: its pseudonyms and folders.

    ``failed``: files that could not be read, each with the reason. ``removed``: elements that could not be
    decoded and are not in the copies, each with its file.
    """

    study_uid: str
    filepath: str
    series: tuple[SeriesFolder, ...]
    failed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Images."""
        return sum(one.number_received for one in self.series)


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
        """
        Remove the copies that are not kept, and half ones that are not made; of which hand-overs the whole
        ones were.
        """
        ...


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
