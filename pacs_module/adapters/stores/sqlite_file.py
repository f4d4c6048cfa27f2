"""
The file of the SQLite store: for its owner only, and whether what lies at its path is still the file that was
opened.

A file that is removed or replaced while connections to it are open goes on without a name: whatever is
written is gone with the last connection, and a new connection by name would begin an empty store without a
word. So the path is looked at before each use.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ...domain.errors import PermanentError, StoreLost

_BESIDE = ("-wal", "-shm")
_File = tuple[int, int]
"""Device and inode."""


class StoreFile:
    """The path of a store, and which file was opened there (device and inode)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: _File | None = None
        self._wal: _File | None = None

    def make(self) -> None:
        """
        Make the file when there is none (SQLite gives its -wal and -shm the same mode): it holds patients'
        data.

        Raises:
            PermanentError: It cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.path.chmod(0o600)
        except OSError as error:
            raise PermanentError(f"the store {self.path} cannot be written: {error.strerror}") from error

    def remember(self) -> None:
        """What lies at the path now is the store, opened and read."""
        self._opened, self._wal = _file_at(self.path), _file_at(self._beside("-wal"))

    def check(self) -> None:
        """
        See that the path still leads to the file that was opened.

        Raises:
            StoreLost: It does not.
        """
        there = _file_at(self.path)
        if self._opened is None or (there == self._opened and not self.is_empty()):
            return
        what = (
            "removed" if there is None else "emptied" if there == self._opened else "replaced by another one"
        )
        raise StoreLost(f"the store {self.path} was {what} while it was in use; nothing is written")

    def is_empty(self) -> bool:
        """
        Whether the file was cut to nothing; SQLite must not be asked then, its memory maps may be gone as
        well.
        """
        try:
            return self.path.stat().st_size == 0
        except OSError:
            return False

    def is_gone(self) -> bool:
        """Whether nothing lies at the path."""
        return _file_at(self.path) is None

    def open(self, factory: type[sqlite3.Connection], timeout: float) -> sqlite3.Connection:
        """A connection to the file at the path; one that is not there is not made."""
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(
            uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False, factory=factory
        )

    def put_back(self, source: sqlite3.Connection) -> bool:
        """
        Write what an open connection still sees of a removed file to the path again.

        Args:
            source: Reads, while somebody else holds the write lock of the removed file.

        Returns:
            False when another process was faster.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        copy.unlink(missing_ok=True)
        try:
            _copy(source, copy)
            if self.is_gone():
                # of the removed file: its pages are in the copy, and would be played into it once more
                self._remove_beside()
            with suppress(FileExistsError):
                os.link(copy, self.path)  # never over a file that is there
                _sync(self.path.parent)
                return True
            return False
        finally:
            copy.unlink(missing_ok=True)

    def look(self) -> sqlite3.Connection:
        """A connection to whatever lies at the path, that reads the file alone and changes nothing there."""
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)

    def drop_old_wal(self) -> None:
        """
        Remove the -wal file of the file that is gone: SQLite would play it into the one that lies in its
        place.
        """
        if self._wal is not None and _file_at(self._beside("-wal")) == self._wal:
            self._remove_beside()

    def _remove_beside(self) -> None:
        for suffix in _BESIDE:
            self._beside(suffix).unlink(missing_ok=True)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def _file_at(path: Path) -> _File | None:
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_dev, there.st_ino


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(source: sqlite3.Connection, to: Path) -> None:
    """What a connection sees into a new file that only this user may read."""
    os.close(os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(to)) as target:
        source.backup(target)
    _sync(to)
