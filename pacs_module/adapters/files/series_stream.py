"""
A hand-over's files as one stream of bytes, for a backend that does not see our folders.

An uncompressed tar (POSIX ustar): ``manifest.json`` first, then ``images/`` with the files by their path
below the hand-over folder, then ``SHA256SUMS``, as ``sha256sum --check`` reads it. A file is in memory in
pieces of :data:`PIECE` only, and read once; the length of the whole is known before, so that it travels with
Content-Length through whatever proxy there is.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...domain.errors import PermanentError, RetriableError
from .handover_folders import regular_files

PIECE = 1 << 20
MEDIA_TYPE = "application/x-tar"
MANIFEST, IMAGES, SUMS = "manifest.json", "images/", "SHA256SUMS"
_BLOCK, _RECORD, _DIGEST = 512, 10_240, 64


@dataclass(frozen=True)
class _File:
    name: str
    path: Path
    size: int


class SeriesStream:
    """
    Iterable once, with a length in bytes.

    Args:
        message: The hand-over's message; its ``filepath`` is the folder.
        idempotency_key: Stands in the manifest, too.

    Raises:
        RetriableError: The folder cannot be read.
    """

    def __init__(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        folder = Path(str(message["filepath"]))
        try:
            self._files = sorted(_files(folder), key=lambda file: file.name)
        except OSError as error:
            raise RetriableError(f"the folder {folder} cannot be read: {error.strerror}") from error
        self._manifest = self._told(message, idempotency_key)
        self._sums_size = sum(_DIGEST + len("  \n") + len(file.name.encode()) for file in self._files)

    def _told(self, message: Mapping[str, Any], idempotency_key: str) -> bytes:
        """The message, and which files follow."""
        listed = [{"name": file.name, "size": file.size} for file in self._files]
        manifest = {"idempotencyKey": idempotency_key, "message": dict(message), "files": listed}
        return json.dumps(manifest, ensure_ascii=False).encode("utf-8", "backslashreplace")

    def __len__(self) -> int:
        sizes = [len(self._manifest), *(file.size for file in self._files), self._sums_size]
        return _padded(sum(_BLOCK + _padded(size) for size in sizes) + 2 * _BLOCK, _RECORD)

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        for piece in self._contents():
            sent += len(piece)
            yield piece
        yield bytes(len(self) - sent)  # the end mark, and whole records: readers ask for such

    def _contents(self) -> Iterator[bytes]:
        yield from _whole(MANIFEST, self._manifest)
        sums: list[str] = []
        for file in self._files:
            yield from _contents_of(file, sums)
        yield from _whole(SUMS, "".join(sums).encode())


def _files(folder: Path) -> Iterator[_File]:
    for path in regular_files(folder):
        yield _File(
            IMAGES + path.relative_to(folder).as_posix(), path, path.stat(follow_symlinks=False).st_size
        )


def _pieces(file: _File) -> Iterator[bytes]:
    """Exactly as many bytes as were announced."""
    left = file.size
    try:
        with file.path.open("rb") as opened:
            while left and (piece := opened.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise RetriableError(f"{file.path} cannot be read: {error.strerror}") from error
    if left:
        raise RetriableError(f"{file.path} has become shorter while it was sent")


def _whole(name: str, content: bytes) -> Iterator[bytes]:
    yield _head(name, len(content))
    yield content
    yield bytes(_padded(len(content)) - len(content))


def _head(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    try:
        return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise PermanentError(f"the file name {name!r} does not fit into a tar: {error}") from error


def _padded(size: int, to: int = _BLOCK) -> int:
    return -(-size // to) * to


def _contents_of(file: _File, sums: list[str]) -> Iterator[bytes]:
    """One file of the archive; the line of its checksum is added when all of it has been read."""
    digest = hashlib.sha256()
    yield _head(file.name, file.size)
    for piece in _pieces(file):
        digest.update(piece)
        yield piece
    yield bytes(_padded(file.size) - file.size)
    sums.append(f"{digest.hexdigest()}  {file.name}\n")
