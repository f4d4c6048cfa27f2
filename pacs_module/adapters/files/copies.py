"""
Hand-overs without names: copies in a folder of their own, written whole or not at all.

::

    <handoverID>/               00001.dcm ...; one sub-folder a series (1, 2 ...) where the hand-over has several
    <handoverID>.manifest.json  pseudonyms, folders and numbers; there before the folder is
    .tmp-<handoverID>...        being made
    .tmp-gone-<handoverID>      being removed
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...domain.errors import PermanentError, RetriableError, Unreadable
from ...domain.json_messages.documents import to_document
from ...domain.json_messages.kept_json import kept_document
from ...domain.json_messages.messages import SeriesFolder
from ...domain.json_messages.uid_syntax import checked_handover_id
from ...domain.results.pseudonyms import PseudonymRecord
from ...ports import Copied
from ...shared.crash_points import reach
from ...shared.files import write_whole
from .deidentify import Deidentifier
from .handover_folders import regular_files
from .reader_process import ReaderProcess

_UNFINISHED = ".tmp-"
_GOING = ".tmp-gone-"
_MANIFEST = ".manifest.json"


@dataclass
class _Lost:
    """
    What is not in the copies: files and elements that could not be taken along, with the reason, and whose
    images they were.
    """

    failed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    patient: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)

    def note_identity(self, told: Mapping[str, Any]) -> None:
        """Take the UIDs of one more image; the patient is that of the first one."""
        self.uids |= told.get("uids", {})
        if not self.patient:
            self.patient, self.attributes = str(told.get("patient", "")), dict(told.get("attributes", {}))


def _is_one_name(handover_id: str) -> bool:
    """Whether it names an entry of the folder, and no path."""
    return Path(handover_id).name == handover_id and handover_id not in ("", ".", "..")


class AnonymousCopies:
    """
    Makes and removes the copies.

    Args:
        folder: As pacs_module and the backend see it.
        key: For the pseudonyms.
        reader: Reads and cleans the images.
        keep_identity: Told of each hand-over whose images they were, before its copies can be seen; None:
            nothing comes back under the pseudonyms.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        reader: ReaderProcess | None = None,
        keep_identity: Callable[[str, PseudonymRecord], None] | None = None,
    ) -> None:
        self._folder = folder
        self._cleaner = Deidentifier(key)
        self._reader = reader or ReaderProcess({"key": key.decode()})
        self._keep_identity = keep_identity
        self._asked = ({"identity": True},) if keep_identity is not None else ()

    def make(self, handover_id: str, study_uid: str, series: Sequence[SeriesFolder]) -> Copied:
        """Copy a hand-over without names; one that was made before a crash is found again."""
        checked_handover_id("handoverID", handover_id)
        made = self._made(handover_id)
        if made is not None:
            return made
        unfinished, final = self._folder / f"{_UNFINISHED}{handover_id}", self._folder / handover_id
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            lost = _Lost()
            copied = self._fill(unfinished, final, self._cleaner.uid(study_uid), series, lost)
            self._remember(handover_id, study_uid, copied, lost)
            self._write_manifest(handover_id, to_document(copied))
            unfinished.rename(final)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise RetriableError(f"copy without names: {error.strerror or error}") from error
        finally:
            self._reader.close()
        return copied

    def remove(self, handover_id: str) -> None:
        """Remove a copy; one that is gone is no error."""
        if not _is_one_name(handover_id):
            return
        going = self._folder / f"{_GOING}{handover_id}"
        shutil.rmtree(going, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._folder / handover_id).rename(going)
        shutil.rmtree(going, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._folder / f"{handover_id}{_MANIFEST}").unlink(missing_ok=True)

    def sweep(self, is_kept: Callable[[str], bool], is_made: Callable[[str], bool]) -> list[str]:
        """Remove copies that nobody will ask for any more, and half ones that nobody makes."""
        entries = sorted(entry.name for entry in os.scandir(self._folder))
        unfinished = [name for name in entries if name.startswith(_UNFINISHED)]
        for name in entries:
            if name.startswith(_GOING) or (name in unfinished and not is_made(_handover_of(name))):
                _remove(self._folder / name)
        whole = {name.removesuffix(_MANIFEST) for name in entries if name not in unfinished}
        gone = [name for name in sorted(whole) if not is_kept(name)]
        for name in gone:
            self.remove(name)
        return gone

    def _made(self, handover_id: str) -> Copied | None:
        """
        A copy that is whole; one whose manifest is damaged or gone is made anew.

        Raises:
            RetriableError: The disk does not let it be read now: that takes no copy away.
        """
        if not (self._folder / handover_id).is_dir():
            return None
        try:
            return kept_document(Copied, (self._folder / f"{handover_id}{_MANIFEST}").read_bytes())
        except (FileNotFoundError, IsADirectoryError, Unreadable):
            self.remove(handover_id)
            return None
        except OSError as error:
            raise RetriableError(f"copy without names: {error.strerror or error}") from error

    def _remember(self, handover_id: str, study_uid: str, copied: Copied, lost: _Lost) -> None:
        if self._keep_identity is not None:
            of_whom = PseudonymRecord(study_uid, copied.study_uid, lost.patient, lost.attributes, lost.uids)
            self._keep_identity(handover_id, of_whom)

    def _fill(
        self, unfinished: Path, final: Path, study: str, series: Sequence[SeriesFolder], lost: _Lost
    ) -> Copied:
        """All series, and of which files nothing, or not everything, could be taken along."""
        folders: list[SeriesFolder] = []
        for place, one in enumerate(series, start=1):
            inner = str(place) if len(series) > 1 else ""
            (unfinished / inner).mkdir(parents=True)
            made = self._fill_series(unfinished / inner, Path(one.filepath), lost)
            folders.append(SeriesFolder(self._cleaner.uid(one.series_uid), str(final / inner), made))
        return Copied(study, str(final), tuple(folders), tuple(lost.failed), tuple(lost.removed))

    def _fill_series(self, target: Path, source: Path, lost: _Lost) -> int:
        """How many images were copied."""
        made = 0
        for file in regular_files(source) if source.is_dir() else ():
            try:
                made += self._copy(file, target / file.name, lost)
            except FileNotFoundError:
                continue  # gone with the RAM disk: the delivery finds too few and has all pulled again
            reach("copying")
        return made

    def _copy(self, source: Path, target: Path, lost: _Lost) -> bool:
        """Whether one image was copied."""
        try:
            told = self._reader.ask("clean", source, target, *self._asked)
        except PermanentError as error:  # what cannot be read cannot be cleaned: it costs only itself
            lost.failed.append(f"{source.name}: {error}"[:200])
            target.unlink(missing_ok=True)
            return False
        lost.removed += [f"{source.name}: {what}" for what in told["removed"]]
        lost.note_identity(told)
        return True

    def _write_manifest(self, handover_id: str, manifest: Mapping[str, Any]) -> None:
        draft = self._folder / f"{_UNFINISHED}{handover_id}{_MANIFEST}"
        write_whole(self._folder / f"{handover_id}{_MANIFEST}", json.dumps(manifest, indent=1), draft=draft)


def _handover_of(unfinished: str) -> str:
    return unfinished.removeprefix(_UNFINISHED).removesuffix(_MANIFEST)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
