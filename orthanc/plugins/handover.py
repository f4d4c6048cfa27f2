"""
The hand-over folder: the chosen series as plain files for the backend.

Hard links cost 0.01 ms a slice where store and folder lie on one mount, and they stay when Orthanc deletes the study. A
folder is made under another name and renamed, so that a folder that is there is whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orthanc_rest import InstanceHere, OrthancRest
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.messages import SeriesFolder

_UNFINISHED = ".tmp-"


@dataclass(frozen=True)
class ToExport:
    """
    One series: its ids in Orthanc (two when its images are filed under two PatientIDs) and the number of images that
    were judged.
    """

    series_uid: str
    orthanc_ids: tuple[str, ...]
    instances: int


@dataclass(frozen=True)
class Exported:
    """Where others see the hand-over, and how the files got there."""

    filepath: str
    series: tuple[SeriesFolder, ...]
    linked: int
    copied: int


class HandoverFolder:
    """
    Makes and removes hand-overs.

    Args:
        folder: The hand-over folder.
        seen_as: The same folder as pacs_module and the backend see it.
        storage: Orthanc's StorageDirectory, None when its files cannot be used as they are (compressed).
        rest: Orthanc.
    """

    def __init__(self, folder: Path, seen_as: str, storage: Path | None, rest: OrthancRest) -> None:
        self._folder = folder
        self._seen_as = seen_as
        self._storage = storage
        self._rest = rest

    def export(self, name: str, series: Sequence[ToExport], subfolders: bool) -> Exported:
        """
        Put series into the folder ``name``.

        Args:
            name: Not in use.
            series: At least one.
            subfolders: One for each series (DX).

        Raises:
            RetriableError: The store changed in between; nothing is left behind.
        """
        unfinished = self._folder / f"{_UNFINISHED}{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        folders, linked, copied = [], 0, 0
        for one in series:
            inner = one.orthanc_ids[0] if subfolders else ""
            instances = self._instances(one)
            links, copies = self._fill(unfinished / inner, instances)
            linked, copied = linked + links, copied + copies
            folders.append(SeriesFolder(one.series_uid, str(Path(self._seen_as, name, inner)), len(instances)))
        final = self._folder / name
        shutil.rmtree(final, ignore_errors=True)  # of a hand-over that was never journaled
        unfinished.rename(final)
        return Exported(str(Path(self._seen_as, name)), tuple(folders), linked, copied)

    def remove(self, name: str) -> None:
        """Remove a hand-over; one that is gone is no error, anything outside the folder is refused in silence."""
        if self._is_name(name):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def exists(self, name: str) -> bool:
        """Whether a hand-over's files are there."""
        return self._is_name(name) and (self._folder / name).is_dir()

    def sweep(self, known: Iterable[str]) -> list[str]:
        """Remove what an interrupted hand-over left behind: everything but the known names."""
        keep = set(known)
        leftovers = sorted(path.name for path in self._folder.iterdir() if path.is_dir() and path.name not in keep)
        for name in leftovers:
            shutil.rmtree(self._folder / name, ignore_errors=True)
        return leftovers

    def _is_name(self, name: str) -> bool:
        return bool(name) and Path(name).name == name and name not in (".", "..")

    def _instances(self, series: ToExport) -> list[InstanceHere]:
        instances = [instance for orthanc_id in series.orthanc_ids for instance in self._rest.instances_of(orthanc_id)]
        if len(instances) < series.instances:
            raise RetriableError(f"series {series.series_uid} had {series.instances} images, now {len(instances)}")
        return sorted(instances, key=lambda one: (one.number is None, one.number or 0, one.sop_instance_uid))

    def _fill(self, folder: Path, instances: Sequence[InstanceHere]) -> tuple[int, int]:
        folder.mkdir(parents=True)
        copied = 0
        for place, instance in enumerate(instances, start=1):
            target = folder / f"{place:05d}.dcm"
            if not self._link(instance, target):
                target.write_bytes(self._rest.get_bytes(f"/instances/{instance.orthanc_id}/file"))
                copied += 1
        return len(instances) - copied, copied

    def _link(self, instance: InstanceHere, target: Path) -> bool:
        if self._storage is None:
            return False
        source = self._storage / instance.file[0:2] / instance.file[2:4] / instance.file
        try:
            os.link(source, target)
        except OSError:  # another mount, a file that was just overwritten, a store without hard links
            return False
        return True
