"""
Files in Orthanc's store that its index does not know (K14).

An index that is lost while the store stays leaves them on the RAM disk for ever: Orthanc never looks into the
folders. Looked for before Orthanc opens its index, when nobody writes and SQLite's file can be read.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PART = re.compile(r"[0-9a-f]{2}")
_LOCK_WAIT_S = 5.0


@dataclass(frozen=True)
class Orphans:
    """How many files without an index entry were found, their bytes, and whether they were removed."""

    files: int = 0
    size: int = 0
    removed: bool = False


def remove_orphans(storage: Path, index: Path, remove: bool) -> Orphans:
    """
    Remove the files that no attachment of the index names.

    To be called before Orthanc opens its index.

    Args:
        storage: Orthanc's StorageDirectory.
        index: Its SQLite file; one that is not there knows no file.
        remove: False only counts, for a store that is not on a RAM disk of ours.

    Returns:
        Nothing found where the index cannot be read: then nobody knows what an orphan is.
    """
    try:
        known = _attachments(index)
    except sqlite3.Error:
        return Orphans()
    files = size = 0
    for path in _stored(storage):
        if path.name in known:
            continue
        try:
            files, size = files + 1, size + path.stat().st_size
            if remove:
                path.unlink()
        except OSError:  # gone in this moment
            continue
    return Orphans(files, size, remove and files > 0)


def _attachments(index: Path) -> frozenset[str]:
    if not index.is_file() or index.stat().st_size == 0:
        return frozenset()
    # Not read-only: what a killed Orthanc left in the write-ahead log belongs to the index too.
    with closing(sqlite3.connect(f"file:{index}?mode=rw", uri=True, timeout=_LOCK_WAIT_S)) as connection:
        return frozenset(uuid for (uuid,) in connection.execute("SELECT uuid FROM AttachedFiles"))


def _stored(storage: Path) -> Iterator[Path]:
    """Files where Orthanc puts them, ``ab/cd/abcd....``; anything else in the folder is not its own."""
    for first in storage.iterdir() if storage.is_dir() else ():
        if not _PART.fullmatch(first.name) or not first.is_dir():
            continue
        for second in first.iterdir():
            if _PART.fullmatch(second.name) and second.is_dir():
                yield from (path for path in second.iterdir() if _is_stored(path, first.name + second.name))


def _is_stored(path: Path, beginning: str) -> bool:
    return path.name.startswith(beginning) and _NAME.fullmatch(path.name) is not None and path.is_file()
