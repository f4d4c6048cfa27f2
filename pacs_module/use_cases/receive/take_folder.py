"""Take in files that lie in a folder (E5): what was there before the gateway was, and what comes by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ...domain.errors import PermanentError
from ...ports import EventLog

TRIM_S = 3600.0


class FolderFiles(Protocol):
    """The folder."""

    def waiting(self, most: int) -> list[Path]:
        """Files that may be taken now, the oldest first."""
        ...

    def read(self, file: Path) -> bytes | None:
        """None: too large, or gone."""
        ...

    def done(self, file: Path) -> None:
        """It was taken."""
        ...

    def refuse(self, file: Path, why: str) -> None:
        """It cannot be taken."""
        ...

    def trim_refused(self, keep_s: float) -> int:
        """Remove what was refused longer ago, or is too much; how many files."""
        ...


@dataclass
class TakeFolder:
    """
    The step of a loop that runs once a second.

    Args:
        folder: Where they lie.
        put: Stores one file in the receiving Orthanc; there it goes the way of an image that was pushed.
        full: Whether the RAM disk is full: then they wait.
        log: Told of each batch, and of each file that is refused.
        most: Files of one step.
        keep_refused: So long files that were refused are kept for people to look at.
        now: Seconds of a steady clock.
    """

    folder: FolderFiles
    put: Callable[[bytes], None]
    full: Callable[[], bool]
    log: EventLog
    most: int = 20
    taken: int = 0
    keep_refused: timedelta = timedelta(days=30)
    now: Callable[[], float] = time.monotonic
    _trimmed_at: float = -TRIM_S

    def __call__(self) -> bool:
        """
        Take some.

        Returns:
            False: the next ones are taken with the next step, so that a backlog does not flood the RAM disk.

        Raises:
            RetriableError: Orthanc or the folder is away; every file is where it was.
        """
        self._trim()
        number = 0
        for file in self.folder.waiting(self.most):
            if self.full():
                break
            number += self._take(file)
        if number:
            self.taken += number
            self.log.event(
                "folder_files_taken", "files that lay in the watched folder were taken", files=number
            )
        return False

    def _trim(self) -> None:
        if self.now() - self._trimmed_at < TRIM_S:
            return
        self._trimmed_at = self.now()
        removed = self.folder.trim_refused(self.keep_refused.total_seconds())
        if removed:
            words = "files that were refused long ago are removed"
            self.log.event("refused_files_removed", words, files=removed)

    def _take(self, file: Path) -> int:
        content = self.folder.read(file)
        if content is None:
            self._refuse(file, "it is too large, or may not be read")
            return 0
        try:
            self.put(content)
        except PermanentError as error:
            self._refuse(file, str(error))
            return 0
        self.folder.done(file)
        return 1

    def _refuse(self, file: Path, why: str) -> None:
        self.folder.refuse(file, why)
        words = "a file in the watched folder cannot be taken"
        self.log.event("folder_file_refused", words, "WARNING", file=file.name, why=why)
