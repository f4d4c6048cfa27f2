"""
The folder of results.

::

    kept/<resultID>/0001.dcm ...    a set that was taken, sent from here
    kept/<resultID>.json            its study; there before the folder is
    drafts/<id>/                    posted or restored, not taken yet
    pseudonyms/<study>/<handoverID>.json

What is kept is flushed before it counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...domain.errors import MessageError, RetriableError, Unreadable
from ...domain.json_messages.kept_json import kept_object
from ...domain.json_messages.uid_syntax import checked_handover_id
from ...shared.files import write_whole

_NOTE = ".json"
_PRIVATE = 0o750


class DiskResults:
    """
    Args:
        folder: On a disk that stays, and for this service alone.
    """

    def __init__(self, folder: Path) -> None:
        self._kept, self._drafts = folder / "kept", folder / "drafts"
        for each in (self._kept, self._drafts):
            each.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)

    def folder(self, result_id: str) -> Path:
        """Where a set lies."""
        return self._kept / checked_handover_id("resultID", result_id)

    def draft(self) -> Path:
        """A new, empty folder."""
        folder = self._drafts / uuid.uuid4().hex
        try:
            folder.mkdir(mode=_PRIVATE)
        except OSError as error:
            raise RetriableError(f"the folder of results cannot be written: {error.strerror}") from error
        return folder

    def discard(self, draft: Path) -> None:
        """Only what lies among the drafts."""
        if draft.parent == self._drafts:
            shutil.rmtree(draft, ignore_errors=True)

    def keep(self, result_id: str, study_uid: str, files: Sequence[Path]) -> None:
        """Gathered beside, flushed, and then renamed."""
        final, beside = self.folder(result_id), self._drafts / f"keep-{result_id}"
        try:
            _gather(files, beside)
            write_whole(self._kept / f"{result_id}{_NOTE}", json.dumps({"studyUID": study_uid}))
            beside.rename(final)
            _flush(self._kept)
        except OSError as error:
            raise RetriableError(f"the folder of results cannot be written: {error.strerror}") from error

    def all(self) -> Iterator[tuple[str, str, float]]:
        """By its notes."""
        for note in sorted(self._kept.glob(f"*{_NOTE}")):
            with contextlib.suppress(OSError, KeyError, Unreadable, MessageError):
                told = kept_object(note.read_bytes())
                checked_handover_id("resultID", note.stem)
                yield note.stem, str(told["studyUID"]), _age(note)

    def remove(self, result_id: str) -> None:
        """The folder first: a set without its note is found by nobody."""
        shutil.rmtree(self.folder(result_id), ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._kept / f"{result_id}{_NOTE}").unlink(missing_ok=True)

    def remove_drafts(self, older_s: float) -> None:
        """By the time of the folder."""
        with os.scandir(self._drafts) as entries:
            old = [Path(one.path) for one in entries if _age(Path(one.path)) > older_s]
        for each in old:
            shutil.rmtree(each, ignore_errors=True)


def _gather(files: Sequence[Path], beside: Path) -> None:
    """Into a new folder, with numbers for names, and on disk."""
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=_PRIVATE)
    for number, file in enumerate(files, 1):
        file.rename(beside / f"{number:04d}.dcm")
        _flush(beside / f"{number:04d}.dcm")
    _flush(beside)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
