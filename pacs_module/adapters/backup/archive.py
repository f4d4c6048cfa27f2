"""
The archive of a backup: ``manifest.json`` and the parts that it names, as tar with gzip, for its owner alone.

Writing: the parts are gathered in a folder beside the target, hashed, and the archive gets its name when it
is
on disk. Reading: every part is hashed again before anything is put in place.
"""

from __future__ import annotations

import grp
import hashlib
import io
import json
import os
import pwd
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ...domain.errors import PermanentError
from ...domain.json_messages.documents import from_document, to_document
from ...domain.recover.backup import Kind, Manifest, Part, file_name, superseded

MANIFEST = "manifest.json"
_MANIFEST_BYTES = 16 * 2**20
_CHUNK = 2**20
_DAMAGED = (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, OSError)
"""What a damaged archive raises, of tar, gzip, JSON and our own reading of it."""


@dataclass(frozen=True)
class Draft:
    """A part that was gathered, and where its content lies now."""

    part: Part
    file: Path


@contextmanager
def gathering_folder(beside: Path) -> Iterator[Path]:
    """A folder for its owner alone on the same file system, gone at the end."""
    beside.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".aipull-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def draft_of(file: Path, name: str, kind: Kind, path: str, like: Path | None = None) -> Draft:
    """
    A part of what lies in ``file``.

    Args:
        file: The content.
        name: In the archive.
        kind: What it is.
        path: Where it goes back to.
        like: Owner and mode are this file's; None: of nobody in particular.
    """
    sha256, size = _hash(file)
    if like is None:
        return Draft(Part(name, kind, path, size, sha256), file)
    facts = like.stat()
    owner, group = _name_of(pwd.getpwuid, facts.st_uid), _name_of(grp.getgrgid, facts.st_gid)
    return Draft(Part(name, kind, path, size, sha256, facts.st_mode & 0o7777, owner, group), file)


def _name_of(look: object, number: int) -> str:
    try:
        return str(look(number)[0])  # type: ignore[operator]
    except KeyError:
        return str(number)


def _hash(file: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def write_archive(folder: Path, manifest: Manifest, drafts: Sequence[Draft]) -> Path:
    """
    Write the archive beside, force it to disk and give it its name.

    Raises:
        OSError: It cannot be written.
    """
    target = folder / file_name(manifest.made_at)
    beside = folder / f".{target.name}.new"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as archive:
                _add(archive, MANIFEST, json.dumps(to_document(manifest), indent=1).encode())
                for draft in drafts:
                    archive.add(draft.file, arcname=draft.part.name, recursive=False)
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return target


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def remove_superseded(folder: Path, keep: int) -> list[str]:
    """Remove the archives beyond the newest ``keep``; their names."""
    old = superseded([path.name for path in folder.iterdir()], keep)
    for name in old:
        (folder / name).unlink(missing_ok=True)
    return old


def read_manifest(archive: Path) -> Manifest:
    """
    What an archive says of itself.

    Raises:
        PermanentError: It is none, or is damaged.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            first = opened.next()
            if first is None or first.name != MANIFEST or first.size > _MANIFEST_BYTES:
                raise ValueError("its first file is no manifest")
            content = opened.extractfile(first)
            return from_document(Manifest, json.loads(content.read() if content else b""))
    except _DAMAGED as error:
        raise PermanentError(f"{archive} is no backup of ours, or is damaged: {error}") from error


def extract(archive: Path, manifest: Manifest, folder: Path) -> list[Draft]:
    """
    All parts, in files of a folder; each was compared with its checksum.

    Raises:
        PermanentError: A part is missing or differs; nothing was put in place.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            return [
                _extract(opened, part, folder / str(number)) for number, part in enumerate(manifest.parts)
            ]
    except _DAMAGED as error:
        raise PermanentError(f"{archive} is damaged: {error}") from error


def _extract(archive: tarfile.TarFile, part: Part, to: Path) -> Draft:
    content = archive.extractfile(part.name)
    if content is None:
        raise ValueError(f"{part.name} is no file")
    with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
    if _hash(to) != (part.sha256, part.size):
        raise ValueError(f"the checksum of {part.name} ({part.path}) is another one")
    return Draft(part, to)


def put_in_place(draft: Draft, target: Path, stamp: str) -> Path | None:
    """
    Give a part its place, with owner and mode as they were where we may set them.

    Returns:
        Where the file went that was there and was another one; None: there was none.

    Raises:
        OSError: It cannot be written.
    """
    _make_folders(target.parent)
    beside = target.with_name(f".{target.name}.restoring")
    _copy_to_disk(draft, beside)
    aside = None
    if target.exists() and _hash(target) != (draft.part.sha256, draft.part.size):
        aside = target.with_name(f"{target.name}.before-restore-{stamp}")
        target.replace(aside)
    beside.replace(target)
    return aside


def _copy_to_disk(draft: Draft, to: Path) -> None:
    """With its former mode and owner; on disk before it takes another one's place."""
    shutil.copyfile(draft.file, to)
    to.chmod(draft.part.mode)
    _give(to, draft.part)
    with to.open("rb") as written:
        os.fsync(written.fileno())


def _make_folders(folder: Path) -> None:
    """Those that are missing, for their owner and group only."""
    if not folder.exists():
        folder.mkdir(mode=0o750, parents=True)


def _give(path: Path, part: Part) -> None:
    if os.geteuid() != 0 or not part.owner:
        return
    # A user of the lost machine that this one does not have: root keeps the file.
    with suppress(LookupError):
        shutil.chown(path, part.owner, part.group)
