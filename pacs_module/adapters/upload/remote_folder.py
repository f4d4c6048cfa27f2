"""
Destinations that are a folder on a server: what FTP and SFTP have in common.

An image is written as ``NAME~part`` and renamed when its size is right, so that nobody sees half of one.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import BinaryIO

from ...domain.errors import FilesGone, RetriableError, about
from ...domain.upload.files import ImagePlace, Lacking, UploadFile
from .http import PART
from .pacing import PacedFile, Pacer, digest_of


class RemoteFiles(ABC):
    """A connection to the server, with paths of its own. Each method raises what its library raises."""

    @abstractmethod
    def sizes(self, paths: Sequence[str]) -> Mapping[str, int]:
        """Bytes by path of those that are there."""

    @abstractmethod
    def names(self, folder: str) -> Sequence[str]:
        """Of what lies in a folder, without it; none where there is no such folder."""

    @abstractmethod
    def write(self, path: str, content: PacedFile) -> None:
        """Write a file, over what is there."""

    @abstractmethod
    def rename(self, path: str, to: str) -> None:
        """Over what is there."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Make one whose parent is there; that it is there already is no error."""

    @abstractmethod
    def sha256(self, path: str) -> bytes:
        """The checksum of what it gives back."""

    @abstractmethod
    def close(self) -> None:
        """Hang up."""


class FolderUploader(ABC):
    """
    One worker's connection, made when it is first needed, and again when it broke.

    Args:
        who: The server, in messages.
        where: The same with host and port.
        folder: Below which everything lies.
        read_back: Compare what is there byte by byte; else its size.
        pacer: Of the line.
    """

    def __init__(self, who: str, where: str, folder: str, read_back: bool, pacer: Pacer | None) -> None:
        self._who, self._where, self._folder, self._read_back = who, where, folder, read_back
        self._pacer = pacer or Pacer()
        self._files: RemoteFiles | None = None
        self._made: set[str] = set()

    @abstractmethod
    def connect(self) -> RemoteFiles:
        """A new connection."""

    @abstractmethod
    def translated(self) -> AbstractContextManager[None]:
        """The library's errors in our words."""

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """
        Bring images there, one after the other; then compare their sizes together (one listing of each folder
        where the protocol has one), and give those that are whole their names.
        """
        with self._connected() as there:
            parts = {self._write(there, file): file for file in files}
            sizes = there.sizes(list(parts))
            halves = {part: file for part, file in parts.items() if sizes.get(part) != file.size}
            for part, file in parts.items():
                if part not in halves:
                    there.rename(part, self._path(file))
            if halves:
                part, file = next(iter(halves.items()))
                raise RetriableError(f"{self._who} has {sizes.get(part)} of {file.size} bytes of an image")
        return []

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Compare sizes; read back where the site wants it."""
        with self._connected() as there:
            sizes = there.sizes([self._path(file) for file in files])
            told = [(file, self._differs(there, file, sizes.get(self._path(file)))) for file in files]
        return [Lacking(file, why) for file, why in told if why]

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        """By a listing of each folder."""
        if not place.folders:
            return None
        with self._connected() as there:
            folders = (posixpath.join(self._folder, one) for one in place.folders)
            names = [name for folder in folders for name in there.names(folder)]
        return frozenset(place.names.sop_uid(name) for name in names) - {""}

    def close(self) -> None:
        """Close the connection."""
        files, self._files = self._files, None
        self._made.clear()
        if files is not None:
            with suppress(Exception):
                files.close()

    def _write(self, there: RemoteFiles, file: UploadFile) -> str:
        """Under which name: one that is not its own yet."""
        path = self._path(file)
        self._make_folder(there, posixpath.dirname(path))
        part = f"{path}{PART}"
        with _opened(file.path) as content:
            there.write(part, PacedFile(content, file.size, self._pacer))
        return part

    def _make_folder(self, there: RemoteFiles, folder: str) -> None:
        if folder in self._made or folder in ("", ".", "/"):
            return
        self._make_folder(there, posixpath.dirname(folder))
        there.make_folder(folder)
        self._made.add(folder)

    def _differs(self, there: RemoteFiles, file: UploadFile, size: int | None) -> str:
        """Why what is there is not this image; empty: it is."""
        if size is None:
            return "not there"
        if size != file.size:
            return f"{size} of {file.size} bytes"
        if self._read_back and there.sha256(self._path(file)) != digest_of(file.path, "sha256").digest():
            return "other bytes"
        return ""

    def _path(self, file: UploadFile) -> str:
        return posixpath.join(self._folder, file.name)

    @contextmanager
    def _connected(self) -> Iterator[RemoteFiles]:
        with about(self._where):
            try:
                with self.translated():
                    if self._files is None:
                        self._files = self.connect()
                    yield self._files
            except Exception:
                self.close()
                raise


def _opened(path: str) -> BinaryIO:
    """Its errors are told apart from the server's."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise FilesGone(f"an image cannot be read: {error.strerror}", path) from error
