"""
Removing studies from the SQLite file, and seeing that their bytes are gone.

A page that is freed is written over with zeros (``secure_delete``), but a page that was split or merged may
keep bytes in its gap, and the WAL keeps pages as they were: so the file is written anew now and then, and the
WAL cut to nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ....domain.errors import StoreAway

MOST_REWRITTEN = 512 * 2**20
"""
A larger file is not written anew: nobody else can write meanwhile, and it takes some seconds for each 100
MiB.
"""
_BESIDE = ("series_of", "study_acts", "judged_headers")
"""Tables with rows of a study that no trigger removes."""
_COUNT = """
    INSERT INTO installation VALUES ('removals', '1')
    ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1
"""


def remove_studies(connection: sqlite3.Connection, studies: Sequence[tuple[str, int]]) -> set[str]:
    """
    Remove studies, in the caller's transaction.

    Args:
        connection: With the write lock.
        studies: UID and revision of each.

    Returns:
        The UIDs of those that had that revision.
    """
    gone = set()
    for uid, revision in studies:
        sql = "DELETE FROM study_info_list WHERE studyUID = ? AND revision = ?"
        if connection.execute(sql, [uid, revision]).rowcount == 1:
            gone.add(uid)
            for table in _BESIDE:
                connection.execute(f"DELETE FROM {table} WHERE studyUID = ?", [uid])  # noqa: S608 - fixed words
    if gone:
        connection.execute(_COUNT)
    return gone


def removals(connection: sqlite3.Connection) -> int:
    """How often studies were removed by way of the store."""
    row = connection.execute("SELECT value FROM installation WHERE key = 'removals'").fetchone()
    return int(row[0]) if row else 0


def drop_set_aside(connection: sqlite3.Connection, before: str) -> None:
    """Drop damaged documents that were set aside before this moment."""
    there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'set_aside'"
    if connection.execute(there).fetchone():
        connection.execute("DELETE FROM set_aside WHERE at < ?", [before])


def scrub(connection: sqlite3.Connection, path: Path) -> None:
    """
    Write the file anew without its free space, and cut the WAL to nothing.

    Raises:
        StoreAway: A reader or writer keeps pages of before in the WAL.
    """
    if path.stat().st_size <= MOST_REWRITTEN:
        connection.execute("VACUUM")
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreAway(f"the store {path} is read just now: its WAL is emptied later")
