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
from .lanes import Lanes, OfThread
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


class _Connection:
    """To the server, with what is known of its folders."""

    def __init__(self, files: RemoteFiles) -> None:
        self.files = files
        self.made: set[str] = set()

    def close(self) -> None:
        """Hang up, whatever it says."""
        with suppress(Exception):
            self.files.close()


class FolderUploader(ABC):
    """
    A connection for each lane, made when it is first needed, and again when it broke.

    Args:
        who: The server, in messages.
        where: The same with host and port.
        folder: Below which everything lies.
        read_back: Compare what is there byte by byte; else its size.
        pacer: Of the line.
        lanes: Images at once.
    """

    lists_sizes = True
    """One question tells the sizes of a whole folder; else each file is asked for, in its lane."""

    def __init__(
        self,
        who: str,
        where: str,
        folder: str,
        read_back: bool,
        pacer: Pacer | None,
        lanes: Lanes | None,
    ) -> None:
        self._who, self._where, self._folder, self._read_back = who, where, folder, read_back
        self._pacer, self._lanes = pacer or Pacer(), lanes or Lanes()
        self._connections = OfThread(lambda: _Connection(self.connect()))

    @abstractmethod
    def connect(self) -> RemoteFiles:
        """A new connection."""

    @abstractmethod
    def translated(self) -> AbstractContextManager[None]:
        """The library's errors in our words."""

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """
        Bring images there, several at once; then compare their sizes, and give those that are whole their
        names.
        """
        parts = self._lanes.each(self._write, files)
        sizes = self._sizes(parts)
        pairs = list(zip(parts, files, strict=True))
        self._lanes.each(self._rename, [one for one in pairs if sizes.get(one[0]) == one[1].size])
        for part, file in pairs:
            if sizes.get(part) != file.size:
                raise RetriableError(f"{self._who} has {sizes.get(part)} of {file.size} bytes of an image")
        return []

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Compare sizes; read back where the site wants it."""
        sizes = self._sizes([self._path(file) for file in files])
        pairs = [(file, sizes.get(self._path(file))) for file in files]
        told = self._lanes.each(self._differs, pairs)
        return [Lacking(file, why) for file, why in zip(files, told, strict=True) if why]

    @property
    def proof(self) -> str:
        """Sizes, or every byte."""
        return "checksum" if self._read_back else "size"

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        """By a listing of each folder."""
        if not place.folders:
            return None
        with self._connected() as there:
            folders = (posixpath.join(self._folder, one) for one in place.folders)
            names = [name for folder in folders for name in there.files.names(folder)]
        return frozenset(place.names.sop_uid(name) for name in names) - {""}

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _write(self, file: UploadFile) -> str:
        """Under which name: one that is not its own yet."""
        part = f"{self._path(file)}{PART}"
        with self._connected() as there, _opened(file.path) as content:
            self._make_folder(there, posixpath.dirname(part))
            there.files.write(part, PacedFile(content, file.size, self._pacer))
        return part

    def _make_folder(self, there: _Connection, folder: str) -> None:
        if folder in there.made or folder in ("", ".", "/"):
            return
        self._make_folder(there, posixpath.dirname(folder))
        there.files.make_folder(folder)
        there.made.add(folder)

    def _rename(self, pair: tuple[str, UploadFile]) -> None:
        part, file = pair
        with self._connected() as there:
            there.files.rename(part, self._path(file))

    def _sizes(self, paths: Sequence[str]) -> dict[str, int]:
        """Bytes by path of those that are there."""
        questions = [paths] if self.lists_sizes else [[path] for path in paths]
        found: dict[str, int] = {}
        for sizes in self._lanes.each(self._ask_sizes, questions):
            found.update(sizes)
        return found

    def _ask_sizes(self, paths: Sequence[str]) -> Mapping[str, int]:
        with self._connected() as there:
            return there.files.sizes(paths)

    def _differs(self, pair: tuple[UploadFile, int | None]) -> str:
        """Why what is there is not this image; empty: it is."""
        file, size = pair
        if size is None:
            return "not there"
        if size != file.size:
            return f"{size} of {file.size} bytes"
        if not self._read_back:
            return ""
        with self._connected() as there:
            is_same = there.files.sha256(self._path(file)) == digest_of(file.path, "sha256").digest()
        return "" if is_same else "other bytes"

    def _path(self, file: UploadFile) -> str:
        return posixpath.join(self._folder, file.name)

    @contextmanager
    def _connected(self) -> Iterator[_Connection]:
        """This lane's connection; one that failed is not used again."""
        with about(self._where):
            try:
                with self.translated():
                    yield self._connections.get()
            except Exception:
                self._connections.drop()
                raise


def _opened(path: str) -> BinaryIO:
    """Its errors are told apart from the server's."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise FilesGone(f"an image cannot be read: {error.strerror}", path) from error
