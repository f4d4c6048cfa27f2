"""
The hand-over folder: the chosen series as plain files for the backend, with a manifest beside it.

Hard links cost 0.01 ms a slice where store and folder lie on one mount, and they stay when Orthanc deletes
the study. A folder is made under another name and renamed, and renamed again before it is removed, so that a
folder that is there is whole::

    4c18cd69-...                00001.dcm, 00002.dcm ... in the order of the images
    4c18cd69-....manifest.json  what is in it; there before the folder is
    .tmp-...                    being made or being removed: nobody else's business
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacs_module.domain.dicom.attributes import unpadded
from pacs_module.domain.errors import MessageError, RetriableError
from pacs_module.domain.json_messages.messages import SeriesFolder
from pacs_module.shared.crash_points import reach
from pacs_module.shared.files import write_whole

from ..server.first_bytes import Stamp, stamp_of
from ..server.orthanc_client import InstanceHere, OrthancClient
from ..server.stored_file import StoredFiles
from .last_check import Identity, wrong

_UNFINISHED = ".tmp-"
_MANIFEST = ".manifest.json"
_PIXEL_DATA = b"\xe0\x7f\x10\x00"


@dataclass(frozen=True)
class ToExport:
    """
    One series to hand over.

    Args:
        series_uid: SeriesInstanceUID.
        folder_id: The name of its sub-folder: its id in Orthanc.
        images: In their order; nothing else goes along.
        study_uid: StudyInstanceUID that each file must have.
        patients: PatientID that each file must have, by the image's id in Orthanc.
    """

    series_uid: str
    folder_id: str
    images: tuple[InstanceHere, ...]
    study_uid: str
    patients: Mapping[str, str]

    def identity(self, instance: InstanceHere) -> Identity:
        """What the file of an image must say."""
        patient = unpadded(self.patients.get(instance.orthanc_id, ""))
        return Identity(instance.sop_instance_uid, patient, self.study_uid, self.series_uid)


class WrongFiles(RetriableError):
    """Files are not what the message would say: nothing was published. ``images``: their ids in Orthanc."""

    def __init__(self, words: str, images: Sequence[str]) -> None:
        super().__init__(words)
        self.images = tuple(images)


@dataclass(frozen=True)
class Exported:
    """Where others see the hand-over, how the files got there, and their bytes."""

    filepath: str
    series: tuple[SeriesFolder, ...]
    linked: int
    copied: int
    size: int = 0


class HandoverFolder:
    """
    Makes and removes hand-overs.

    Args:
        folder: The hand-over folder.
        seen_as: The same folder as pacs_module and the backend see it.
        storage: Orthanc's StorageDirectory, None when its files cannot be used as they are (compressed).
        rest: Orthanc.
        checksums: Whether the manifest has the SHA-256 of each file.
        files: What was seen of the stored files when they came; None: each is read.
    """

    def __init__(
        self, folder: Path, seen_as: str, storage: Path | None, rest: OrthancClient, checksums: bool = False,
        files: StoredFiles | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._checksums = checksums
        self._seen_as = seen_as
        self._storage = storage
        self._rest = rest
        self._looked_at = files

    def export(
        self,
        name: str,
        series: Sequence[ToExport],
        subfolders: bool,
        about: Mapping[str, object] | None = None,
    ) -> Exported:
        """
        Put series into the folder ``name``.

        Args:
            name: Not in use.
            series: At least one.
            subfolders: One for each series (DX).
            about: For the manifest, beside its own keys.

        Raises:
            RetriableError: The store changed in between, or the disk is full; nothing is left behind.
            WrongFiles: A file is another image than the message would say.
        """
        self._below(name)
        unfinished = self._folder / f"{_UNFINISHED}{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            return self._export(unfinished, name, series, subfolders, about or {})
        except OSError as error:
            raise RetriableError(f"hand-over {name}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _export(
        self,
        unfinished: Path,
        name: str,
        series: Sequence[ToExport],
        subfolders: bool,
        about: Mapping[str, object],
    ) -> Exported:
        folders: list[SeriesFolder] = []
        parts: list[dict[str, Any]] = []
        copied = 0
        for one in series:
            inner = self._below(one.folder_id) if subfolders else ""
            copied += self._put(unfinished / inner, one)
            seen_as = SeriesFolder(one.series_uid, str(Path(self._seen_as, name, inner)), len(one.images))
            folders.append(seen_as)
            parts.append(self._part(unfinished / inner, one, seen_as))
        self._publish(unfinished, name, {**about, "series": parts})
        sizes = [image.size for one in series for image in one.images]
        linked = len(sizes) - copied
        return Exported(str(Path(self._seen_as, name)), tuple(folders), linked, copied, sum(sizes))

    def _publish(self, unfinished: Path, name: str, manifest: Mapping[str, object]) -> None:
        self._away(name)  # of a hand-over that was never journaled
        self._write_manifest(name, manifest)
        unfinished.rename(self._folder / name)

    def _put(self, folder: Path, series: ToExport) -> int:
        """Fill a folder with the images of a series and check it; how many had to be copied."""
        stamps = self._fill(folder, series.images)
        self._check(folder, series, stamps)
        return stamps.count(None)

    def _part(self, folder: Path, series: ToExport, seen_as: SeriesFolder) -> dict[str, Any]:
        """A series as it stands in the manifest."""
        files = self._files(folder, series.images)
        return {
            "seriesUID": series.series_uid,
            "filepath": seen_as.filepath,
            "numberOfFiles": len(files),
            "files": files,
        }

    def remove(self, name: str) -> None:
        """
        Remove a hand-over; one that is gone is no error, anything outside the folder is refused in silence.
        """
        if self._is_name(name):
            self._away(name)

    def exists(self, name: str) -> bool:
        """Whether a hand-over's files are there."""
        return self._is_name(name) and (self._folder / name).is_dir()

    def count(self, name: str) -> int:
        """How many images lie in a hand-over, without empty files; 0: it is gone."""
        images = (self._folder / name).rglob("*.dcm") if self._is_name(name) else ()
        return sum(1 for image in images if _size_of(str(image)) > 0)

    def strays(self, known: set[str]) -> list[str]:
        """Whole folders that no hand-over is known for."""
        folders = (
            [path.name for path in self._folder.iterdir() if path.is_dir()] if self._folder.is_dir() else []
        )
        return sorted(name for name in folders if name not in known and not name.startswith(_UNFINISHED))

    def remove_strays(self, known: set[str], before: float) -> list[str]:
        """
        Remove whole folders, and manifests, that no hand-over is known for and that are older (epoch
        seconds).
        """
        old = [name for name in self.strays(known) if (self._folder / name).stat().st_mtime < before]
        for name in old:
            self._away(name)
        for manifest in self._folder.glob(f"*{_MANIFEST}"):
            if manifest.name.removesuffix(_MANIFEST) not in known and manifest.stat().st_mtime < before:
                manifest.unlink(missing_ok=True)
        return old

    def has_same(self, name: str, images: Iterable[InstanceHere]) -> bool:
        """
        Whether a hand-over that is still there has these images and no others, pixel by pixel; headers may
        differ.
        """
        wanted = {image.sop_instance_uid: image for image in images}
        try:
            handed_over = dict(self._handed_over(name))
            same = handed_over.keys() == wanted.keys()
            return same and all(
                _pixels(handed_over[uid].read_bytes()) == _pixels(self._content(wanted[uid]))
                for uid in wanted
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _handed_over(self, name: str) -> Iterator[tuple[str, Path]]:
        """SOPInstanceUID and file of each image in a hand-over, from its manifest."""
        manifest = json.loads((self._folder / f"{name}{_MANIFEST}").read_text(encoding="utf-8"))
        for part in manifest["series"]:
            inner = Path(part["filepath"]).relative_to(Path(self._seen_as, name))
            for file in part["files"]:
                yield file["sopInstanceUID"], self._folder / name / inner / file["name"]

    def sweep(self, known: Iterable[str]) -> list[str]:
        """Remove what an interrupted hand-over left behind: everything but the known names."""
        keep = set(known)
        leftovers = sorted(
            path.name for path in self._folder.iterdir() if path.is_dir() and path.name not in keep
        )
        for name in leftovers:
            shutil.rmtree(self._folder / name, ignore_errors=True)
        for manifest in self._folder.glob(f"*{_MANIFEST}*"):
            if manifest.name.removesuffix(_MANIFEST) not in keep:
                manifest.unlink(missing_ok=True)
        return leftovers

    def broken(self, orthanc_series: Iterable[str]) -> list[str]:
        """
        Ids of images whose file is gone or shorter than Orthanc noted: written while the disk was full, when
        Orthanc says success all the same.

        Args:
            orthanc_series: Ids of series in Orthanc.

        Returns:
            None are told of a store that cannot be looked into (compressed).
        """
        if self._storage is None:
            return []
        series = tuple(orthanc_series)
        suspects = self._not_whole(self._storage, series)
        # An image that is replaced between the question and the look has another file by now, and is whole.
        again = self._not_whole(self._storage, series) if suspects else {}
        return [orthanc_id for orthanc_id, file in suspects.items() if again.get(orthanc_id) == file]

    def _not_whole(self, storage: Path, orthanc_series: Iterable[str]) -> dict[str, str]:
        """Images whose file is not as Orthanc noted it, with the name of that file."""
        found = [instance for series in orthanc_series for instance in self._rest.instances_of(series)]
        return {one.orthanc_id: one.file for one in found if _size_of(self._stored(storage, one)) != one.size}

    def _away(self, name: str) -> None:
        """Whoever looks sees the whole folder or none: it goes under another name before its files do."""
        going = self._folder / f"{_UNFINISHED}gone-{name}"
        shutil.rmtree(going, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (self._folder / name).rename(going)
        shutil.rmtree(going, ignore_errors=True)
        (self._folder / f"{name}{_MANIFEST}").unlink(missing_ok=True)

    def _write_manifest(self, name: str, manifest: Mapping[str, object]) -> None:
        """
        On a full disk the images go out without it: links need no room, and what is computed makes room for
        others.
        """
        draft = self._folder / f"{_UNFINISHED}{name}{_MANIFEST}"
        text = json.dumps(manifest, ensure_ascii=False)  # indented it takes a second for some thousand files
        try:
            write_whole(self._folder / f"{name}{_MANIFEST}", text, mode=0o644, draft=draft)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def _files(self, folder: Path, instances: Sequence[InstanceHere]) -> list[dict[str, Any]]:
        return [
            self._file(folder, _file_name(place), instance)
            for place, instance in enumerate(instances, start=1)
        ]

    def _file(self, folder: Path, name: str, instance: InstanceHere) -> dict[str, Any]:
        entry = {"name": name, "sopInstanceUID": instance.sop_instance_uid, "bytes": instance.size}
        if self._checksums:
            with open(folder / name, "rb") as content:
                entry["sha256"] = hashlib.file_digest(content, "sha256").hexdigest()
        return entry

    def _is_name(self, name: str) -> bool:
        return bool(name) and Path(name).name == name and name not in (".", "..")

    def _below(self, name: str) -> str:
        """A name that is one folder below ours, whatever it was made from."""
        if not self._is_name(name) or (self._folder / name).resolve().parent != self._folder.resolve():
            raise MessageError("folder", name, "the name of a folder in the hand-over folder")
        return name

    def _check(self, folder: Path, series: ToExport, stamps: Sequence[Stamp | None]) -> None:
        """
        The folder has the images of the message, no fewer and no more, and each says so itself.

        Args:
            folder: Being made.
            series: What is in it.
            stamps: Of each file; None: it was copied.
        """
        names = {_file_name(place) for place in range(1, len(series.images) + 1)}
        if set(os.listdir(folder)) != names:
            raise RetriableError(f"series {series.series_uid}: other files in the folder than were put there")
        wrong_ones = list(self._wrong_ones(folder, series, stamps))
        if wrong_ones:
            image, words = wrong_ones[0]
            count = f"{len(wrong_ones)} files are not the images that they should be"
            text = f"{count}; {image.sop_instance_uid}: {words}"
            raise WrongFiles(text, [image.orthanc_id for image, _ in wrong_ones])

    def _wrong_ones(
        self, folder: Path, series: ToExport, stamps: Sequence[Stamp | None]
    ) -> Iterator[tuple[InstanceHere, str]]:
        """Images whose file says that it is another one, and what it says."""
        for place, (image, stamp) in enumerate(zip(series.images, stamps, strict=True), start=1):
            if words := self._wrong(f"{folder}/{_file_name(place)}", image, stamp, series):
                yield image, words

    def _wrong(self, file: str, image: InstanceHere, stamp: Stamp | None, series: ToExport) -> str:
        """What a file says otherwise; one that was looked at and is still the same is not read again."""
        identity = series.identity(image)
        seen = self._looked_at.says(image, stamp) if self._looked_at is not None and stamp else None
        return "" if seen == identity.said() else wrong(file, identity)

    def _fill(self, folder: Path, instances: Sequence[InstanceHere]) -> list[Stamp | None]:
        """Put the images in; the stamp of each, None where it had to be copied."""
        folder.mkdir(parents=True)
        stamps: list[Stamp | None] = []
        for place, instance in enumerate(instances, start=1):
            # A Path for each of some thousand files takes half a second.
            target = f"{folder}/{_file_name(place)}"
            stamps.append(self._link(instance, target))
            if stamps[-1] is None:
                Path(target).write_bytes(self._content(instance))
            reach("exporting")
        return stamps

    def _link(self, instance: InstanceHere, target: str) -> Stamp | None:
        """None: it cannot be linked."""
        if self._storage is None:
            return None
        source = self._stored(self._storage, instance)
        try:
            os.link(source, target)
        except FileNotFoundError as error:
            # Overwritten since it was judged: nobody has looked at the other copy.
            replaced = f"image {instance.sop_instance_uid} was replaced in Orthanc's store"
            raise RetriableError(replaced) from error
        except OSError:  # another mount, or a store without hard links
            return None
        status = os.stat(target)
        if status.st_size != instance.size:
            raise RetriableError(f"image {instance.sop_instance_uid} is not whole in Orthanc's store")
        return stamp_of(status)

    def _content(self, instance: InstanceHere) -> bytes:
        if self._storage is not None:
            content = Path(self._stored(self._storage, instance)).read_bytes()
        else:
            content = self._rest.get_bytes(f"/instances/{instance.orthanc_id}/file")
        if len(content) != instance.size:
            raise RetriableError(
                f"image {instance.sop_instance_uid} is not whole: {len(content)} of {instance.size} bytes"
            )
        return content

    def _stored(self, storage: Path, instance: InstanceHere) -> str:
        return f"{storage}/{instance.file[0:2]}/{instance.file[2:4]}/{instance.file}"


def _pixels(content: bytes) -> bytes:
    """The file from its pixels on; all of it where they are not found."""
    return content[max(content.rfind(_PIXEL_DATA), 0) :]


def _file_name(place: int) -> str:
    return f"{place:05d}.dcm"


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1
