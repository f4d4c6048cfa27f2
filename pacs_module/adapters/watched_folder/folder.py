"""
A folder that others put DICOM files into: what lies there longest is taken first, and goes when it is taken.

Links are not followed, hidden and unfinished files are left, and so is what was changed a moment ago.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...domain.errors import RetriableError
from ...shared.files import short_name, write_whole
from .refused_folder import trim

TAKEN, REFUSED = "taken", "refused"
MAX_BYTES = 2**30
"""A larger file is refused without reading it."""
_AROUND = 20
"""Bytes for what stands around a name in that of its reason."""
_UNFINISHED = (".part", ".tmp", ".filepart")


@dataclass(frozen=True)
class WatchedFolder:
    """
    The folder.

    Args:
        folder: With files at any depth.
        settle_s: So long a file must not have been changed.
        keep: Files that were taken are moved to ``taken`` instead of removed.
    """

    folder: Path
    settle_s: float
    keep: bool

    def waiting(self, most: int) -> list[Path]:
        """
        The files that may be taken, those that lie there longest first.

        Raises:
            RetriableError: The folder cannot be read.
        """
        latest = time.time() - self.settle_s
        try:
            found = sorted(
                (status.st_mtime, str(file)) for file, status in self._files() if status.st_mtime <= latest
            )
        except OSError as error:
            raise RetriableError(f"{self.folder} cannot be read: {error.strerror}") from error
        return [Path(name) for _, name in found[:most]]

    def read(self, file: Path) -> bytes | None:
        """The content; None: it is too large, went in this moment, or may not be read."""
        try:
            return file.read_bytes() if file.stat().st_size <= MAX_BYTES else None
        except (FileNotFoundError, PermissionError):
            return None

    def done(self, file: Path) -> None:
        """It is in Orthanc."""
        if self.keep:
            self._move(file, TAKEN)
        else:
            file.unlink(missing_ok=True)

    def refuse(self, file: Path, why: str) -> None:
        """It cannot be taken: it is moved to ``refused``, with the reason beside it."""
        place = self._move(file, REFUSED)
        if place is not None:
            write_whole(place.with_name(f"{short_name(place.name, _AROUND)}.why.txt"), f"{why}\n")

    def trim_refused(self, keep_s: float) -> int:
        """Remove what was refused longer ago, or is too much; how many files."""
        return trim(self.folder / REFUSED, keep_s, time.time())

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for root, folders, names in os.walk(self.folder):
            at_top = Path(root) == self.folder
            folders[:] = [
                one for one in folders if not one.startswith(".") and not (at_top and one in (TAKEN, REFUSED))
            ]
            for name in names:
                file = Path(root, name)
                if name.startswith(".") or name.endswith(_UNFINISHED):
                    continue
                with contextlib.suppress(FileNotFoundError):  # it went in this moment
                    status = file.lstat()
                    if stat.S_ISREG(status.st_mode):  # no link leads elsewhere, no pipe is waited at
                        yield file, status

    def _move(self, file: Path, where: str) -> Path | None:
        place = self.folder / where / file.relative_to(self.folder)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            return file.rename(place)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RetriableError(f"{file} cannot be moved: {error.strerror}") from error
