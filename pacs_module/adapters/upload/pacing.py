"""Bytes a second: a limit that all workers of a destination keep together."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

PIECE = 256 * 1024


class Pacer:
    """
    Lets so many bytes a second through, whoever sends them.

    Args:
        rate: Bytes a second; 0: as many as the line takes.
        sleep: For tests.
        now: Seconds of a steady clock.
    """

    def __init__(
        self,
        rate: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._sleep, self._now = rate, sleep, now
        self._free_at = 0.0
        self._lock = threading.Lock()

    def sent(self, size: int) -> None:
        """Wait as long as so many bytes take at this rate, behind what others have sent."""
        if self._rate <= 0:
            return
        with self._lock:
            begin = max(self._free_at, self._now())
            self._free_at = begin + size / self._rate
            pause = self._free_at - self._now()
        if pause > 0:
            self._sleep(pause)


class PacedFile:
    """
    A file as a body of a request: its length is known, it is read at the pace of the line.

    Args:
        file: Open for reading.
        size: Bytes from where it stands.
        pacer: Of the destination.
    """

    def __init__(self, file: BinaryIO, size: int, pacer: Pacer) -> None:
        self._file, self._left, self._pacer, self._size = file, size, pacer, size

    def __len__(self) -> int:
        """Of the whole, for Content-Length."""
        return self._size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data = self._file.read(min(wanted, PIECE) if size and size > 0 else wanted)
        self._left -= len(data)
        self._pacer.sent(len(data))
        return data

    def __iter__(self) -> Iterator[bytes]:
        """In pieces."""
        while data := self.read(PIECE):
            yield data


class Digests:
    """Checksums of files, reckoned once as long as a file is the same; of the last ones only."""

    MOST = 20_000

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._known: dict[str, tuple[int, int, bytes]] = {}

    def of(self, path: str) -> bytes:
        """The checksum of a file; as long as time and size are the same it is not read again."""
        there = os.stat(path)
        known = self._known.get(path)
        if known is not None and known[:2] == (there.st_mtime_ns, there.st_size):
            return known[2]
        digest = digest_of(path, self._kind).digest()
        if len(self._known) >= self.MOST:
            self._known.clear()
        self._known[path] = (there.st_mtime_ns, there.st_size, digest)
        return digest


def digest_of(path: str, kind: str) -> hashlib._Hash:
    """The checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind)
