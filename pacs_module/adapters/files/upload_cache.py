"""
The offline cache: hand-overs on disk until every destination has them.

::

    <handoverID>/               the files as they were handed over, sub-folders included
    <handoverID>.cached.json    what is in it, and since when; there before the folder is
    .tmp-<handoverID>           being made or being removed

A copy is on disk before it counts: files, folders and names are flushed, so that a loss of power takes
nothing of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...domain.errors import FilesGone, RetriableError, Unreadable
from ...domain.json_messages.documents import to_document
from ...domain.json_messages.kept_json import kept_document
from ...domain.json_messages.uid_syntax import checked_handover_id
from ...domain.upload.cache_limits import Cached
from ...shared.files import write_whole
from .handover_folders import regular_files

_UNFINISHED = ".tmp-"
_NOTE = ".cached.json"


class DiskCache:
    """
    Args:
        folder: On a disk that stays, and for this service alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Cached] = {}

    def keep(self, handover_id: str, study_uid: str, folder: str, at: int) -> Cached:
        """Copy a hand-over; one that is there is not copied again."""
        checked_handover_id("handoverID", handover_id)
        there = self._read(handover_id)
        if there is not None:
            return there
        unfinished = self._folder / f"{_UNFINISHED}{handover_id}"
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            with _translated(folder):
                files, size = _copy(Path(folder), unfinished)
                cached = Cached(handover_id, study_uid, files, size, at)
                write_whole(self._folder / f"{handover_id}{_NOTE}", json.dumps(to_document(cached)))
                unfinished.rename(self._folder / handover_id)
                _flush(self._folder / f"{handover_id}{_NOTE}")
                _flush(self._folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._known[handover_id] = cached
        return cached

    def size_of(self, folder: str) -> tuple[int, int]:
        """Files and bytes in a folder and below."""
        with _translated(folder):
            sizes = [file.stat().st_size for file in regular_files(Path(folder))]
        return len(sizes), sum(sizes)

    def folder(self, handover_id: str) -> str:
        """Where its copy lies."""
        return str(self._folder / checked_handover_id("handoverID", handover_id))

    def all(self) -> list[Cached]:
        """Whole copies."""
        with _translated(str(self._folder)):
            names = [entry.name for entry in os.scandir(self._folder) if entry.name.endswith(_NOTE)]
        found = (self._read(name.removesuffix(_NOTE)) for name in names)
        return [one for one in found if one is not None]

    def remove(self, handover_id: str) -> None:
        """Under another name first: a copy that is there is whole."""
        path = Path(self.folder(handover_id))
        going = self._folder / f"{_UNFINISHED}gone-{handover_id}"
        shutil.rmtree(going, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.rename(going)
        with contextlib.suppress(OSError):
            (self._folder / f"{handover_id}{_NOTE}").unlink(missing_ok=True)
        shutil.rmtree(going, ignore_errors=True)
        self._known.pop(handover_id, None)

    def sweep(self, kept: Iterable[str]) -> list[str]:
        """Remove half copies, and those that are not kept."""
        gone = list(dict.fromkeys(self._not_kept(set(kept))))
        for handover_id in gone:
            with contextlib.suppress(Exception):  # a foreign name in our folder is left alone
                self.remove(handover_id)
        return gone

    def _not_kept(self, keep: set[str]) -> Iterator[str]:
        """The hand-overs that nobody needs; what was left unfinished is removed on the way."""
        for entry in sorted(os.scandir(self._folder), key=lambda one: one.name):
            if entry.name.startswith(_UNFINISHED):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name.removesuffix(_NOTE) not in keep:
                yield entry.name.removesuffix(_NOTE)

    def _read(self, handover_id: str) -> Cached | None:
        if handover_id in self._known:
            return self._known[handover_id]
        try:
            cached = kept_document(Cached, (self._folder / f"{handover_id}{_NOTE}").read_bytes())
        except (OSError, Unreadable):
            return None
        if not (self._folder / handover_id).is_dir():
            return None
        self._known[handover_id] = cached
        return cached


def _copy(source: Path, target: Path) -> tuple[int, int]:
    """Every regular file, flushed; how many, and their bytes."""
    number = size = 0
    folders = {target}
    target.mkdir(parents=True)
    for file in regular_files(source):
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        folders.add(to.parent)
        size += _copy_file(file, to)
        number += 1
    for folder in folders:
        _flush(folder)
    return number, size


def _copy_file(file: Path, to: Path) -> int:
    """Its size; it is on disk then."""
    with open(file, "rb") as given, open(to, "wb") as taken:
        shutil.copyfileobj(given, taken, 2**20)
        taken.flush()
        os.fsync(taken.fileno())
        return taken.tell()


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _translated(source: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if not os.path.isdir(source):
            raise FilesGone(f"the folder {source} is gone") from error
        raise RetriableError(f"the offline cache: {error.strerror}: {error.filename}") from error
    except OSError as error:
        raise RetriableError(f"the offline cache cannot be written: {error.strerror or error}") from error
