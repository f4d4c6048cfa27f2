"""
Computed series, compressed without loss, in a folder on disk (M18: after the backend is done, never before).

JPEG-LS by pyjpegls (CharLS), pydicom's own plugin for it: a third of the time of JPEG 2000 at the same size,
half the size of RLE. Each image is decoded again and compared before it counts; what no codec takes
(compressed already, colour, reports) is kept as it is.

::

    <YYYY-MM-DD of archiving>/<handoverID>/   the files under their names in the hand-over folder
    .tmp-<handoverID>                         being written
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from glob import escape
from pathlib import Path

from ...domain.errors import PermanentError, RetriableError
from ...domain.json_messages.uid_syntax import checked_handover_id
from ...ports import Archived
from ...shared.crash_points import reach
from .handover_folders import regular_files
from .reader_process import ReaderProcess

_UNFINISHED = ".tmp-"


class CompressedArchive:
    """
    Keeps hand-overs for some days.

    Args:
        folder: On disk.
        keep_days: How many days a series stays.
        reader: Reads the images.
    """

    def __init__(self, folder: Path, keep_days: int, reader: ReaderProcess | None = None) -> None:
        self._folder = folder
        self._keep = timedelta(days=keep_days)
        self._reader = reader or ReaderProcess()

    def store(self, handover_id: str, source: Path, today: date) -> Archived:
        """
        Compress a hand-over's folder into the archive, whole or not at all; done twice, it is there once.

        Raises:
            RetriableError: The archive cannot be written.
            MessageError: The id is none.
        """
        checked_handover_id("handoverID", handover_id)
        there = next(iter(self._folder.glob(f"????-??-??/{handover_id}")), None)
        if there is not None:
            return Archived(str(there), *_sizes(source), sum(file.stat().st_size for file in _files(there)))
        unfinished = self._folder / f"{_UNFINISHED}{handover_id}"
        final = self._folder / today.isoformat() / handover_id
        try:
            after = self._fill(unfinished, source)
            final.parent.mkdir(parents=True, exist_ok=True)
            unfinished.rename(final)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise RetriableError(f"archive: {error.strerror or error}") from error
        finally:
            self._reader.close()
        return Archived(str(final), *_sizes(source), after)

    def _fill(self, unfinished: Path, source: Path) -> int:
        """Compress all files into an empty folder; their bytes there."""
        shutil.rmtree(unfinished, ignore_errors=True)
        after = 0
        for file in _files(source):
            after += self._store_file(file, unfinished / file.relative_to(source))
        unfinished.mkdir(parents=True, exist_ok=True)
        return after

    def sweep(self, today: date, is_made: Callable[[str], bool]) -> list[str]:
        """Remove the days that are over, and half hand-overs that nobody goes on with."""
        for unfinished in self._folder.glob(f"{_UNFINISHED}*"):
            if not is_made(unfinished.name.removeprefix(_UNFINISHED)):
                shutil.rmtree(unfinished, ignore_errors=True)
        days = sorted(
            path.name
            for path in self._folder.glob("????-??-??")
            if path.name < (today - self._keep).isoformat()
        )
        for day in days:
            shutil.rmtree(self._folder / day, ignore_errors=True)
        return days

    def remove(self, handover_ids: Iterable[str]) -> int:
        """Remove some hand-overs; how many were there."""
        there = [found for one in handover_ids for found in self._folder.glob(f"????-??-??/{escape(one)}")]
        for folder in there:
            shutil.rmtree(folder, ignore_errors=True)
        return len(there)

    def _compress(self, source: Path, target: Path) -> bool:
        """A file that no codec takes, or that kills who reads it, is kept as it is."""
        try:
            return bool(self._reader.ask("compress", source, target)["done"])
        except PermanentError:
            target.unlink(missing_ok=True)
            return False

    def _store_file(self, source: Path, target: Path) -> int:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self._compress(source, target):
            shutil.copyfile(source, target)
        with target.open("rb") as written:
            os.fsync(written.fileno())  # the originals are let go next
        reach("archiving")
        return target.stat().st_size


def _files(folder: Path) -> list[Path]:
    return list(regular_files(folder))


def _sizes(source: Path) -> tuple[int, int]:
    files = _files(source) if source.is_dir() else []
    return len(files), sum(file.stat().st_size for file in files)
