"""
The audit trail in a file: one JSON object a line, appended under a lock, also by several processes.

The first line says where it begins: the id of the chain, and number and hash of what was removed by age
before it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...domain.audit_trail.entry import Act, Chain, Entry, Head
from ...domain.errors import RetriableError, Unreadable
from ...domain.json_messages.kept_json import kept_object

_TAIL = 64 * 1024


@dataclass(frozen=True)
class Begin:
    """The first line."""

    chain: str
    head: Head


@dataclass
class TrailFile:
    """The file at ``path``, for owner and group."""

    path: Path
    chain: Chain
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def append(self, act: Act) -> Head:
        """
        Write an entry; its number and hash.

        Raises:
            RetriableError: It cannot be written.
        """
        try:
            with self._locked():
                at = datetime.now(UTC).isoformat(timespec="milliseconds")
                entry = self.chain.entry(act, at, self._head())
                self._write(entry)
        except OSError as error:
            raise RetriableError(
                f"the audit trail {self.path} cannot be written: {error.strerror}"
            ) from error
        return Head(entry["number"], entry["hash"])

    def begin(self) -> Begin:
        """The first line; a file that is not there is made."""
        with self._locked():
            return self._begin()

    def head(self) -> Head:
        """The end of the trail."""
        with self._locked():
            return self._head()

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """
        The entries with a higher number; a line that is no JSON has the number that it should have, and no
        hash.
        """
        number = self.begin().head.number
        with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            next(file, None)
            for raw in file:
                entry = _read(raw, number + 1)
                number = int(entry["number"])
                if number > after:
                    yield entry

    def sync(self) -> None:
        """See that what was written outlasts a power cut."""
        with self._locked():
            self._begin()
            handle = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def rewrite(self, change: Callable[[Entry], Entry], gone_before: str = "") -> int:
        """
        Write the file anew, whole or not at all.

        Args:
            change: Takes identifiers out of an entry, or gives it as it is.
            gone_before: Entries before this moment (ISO 8601 UTC) are dropped from the front.

        Returns:
            How many entries are changed or gone.
        """
        with self._locked():
            begin = self._begin()
            entries = list(self._all(begin.head.number))
            kept = entries
            while kept and str(kept[0].get("at", "")) < gone_before and kept[0].get("hash"):
                begin = Begin(begin.chain, Head(kept[0]["number"], kept[0]["hash"]))
                kept = kept[1:]
            after = [change(entry) for entry in kept]
            number = len(entries) - len(kept) + sum(new != old for new, old in zip(after, kept, strict=True))
            if number:
                self._replace(begin, after)
            return number

    def _all(self, number: int) -> Iterator[Entry]:
        with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            next(file, None)
            for raw in file:
                entry = _read(raw, number + 1)
                number = int(entry["number"])
                yield entry

    def _replace(self, begin: Begin, entries: list[Entry]) -> None:
        draft = self.path.with_name(f".{self.path.name}.draft")
        _write_all(draft, begin, entries)
        draft.replace(self.path)

    def _begin(self) -> Begin:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(Begin(secrets.token_hex(8), Head()), [])
        with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            return _first(file.readline())

    def _head(self) -> Head:
        begin = self._begin()
        last = _entry(self._last_line())
        if last is None:  # the first line of all, or one that is damaged: as `verify` counts it
            last = next(iter(deque(self._all(begin.head.number), maxlen=1)), None)
        return begin.head if last is None else Head(int(last["number"]), str(last.get("hash", "")))

    def _last_line(self) -> str:
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().decode("utf-8", "replace").rstrip("\n").split("\n")
        return lines[-1]

    def _write(self, entry: Entry) -> None:
        """A last line that a power cut has torn stays a line of its own."""
        handle = os.open(self.path, os.O_APPEND | os.O_RDWR)
        try:
            size = os.fstat(handle).st_size
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, f"{chr(10) if torn else ''}{_line(entry)}".encode())
        finally:
            os.close(handle)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Of all threads and processes one."""
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o640)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)


def _write_all(draft: Path, begin: Begin, entries: list[Entry]) -> None:
    """A new file, on disk before anything refers to it."""
    handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o640)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_line(_told(begin)))
        file.writelines(_line(entry) for entry in entries)
        file.flush()
        os.fsync(file.fileno())


def _told(begin: Begin) -> dict[str, Any]:
    return {"chain": begin.chain, "from": begin.head.number, "after": begin.head.digest}


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=True, separators=(",", ":")) + "\n"


def _read(raw: str, number: int) -> Entry:
    """A line; one that is damaged has the number that it should have, and nothing else."""
    return _entry(raw) or {"number": number}


def _entry(raw: str) -> Entry | None:
    """An entry with its number and hash; None for any other line."""
    try:
        entry = kept_object(raw)
    except Unreadable:
        return None
    return entry if type(entry.get("number")) is int and isinstance(entry.get("hash"), str) else None


def _first(raw: str) -> Begin:
    """The first line; one that is damaged says nothing, and no entry hangs on it."""
    try:
        told = kept_object(raw)
    except Unreadable:
        told = {}
    number = told.get("from", 0)
    head = Head(number if type(number) is int else 0, str(told.get("after", "")))
    return Begin(str(told.get("chain", "")), head)
