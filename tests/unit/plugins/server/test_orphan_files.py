"""
Files without an index entry go, and nothing else does (K14). The index is one of Orthanc's shape, made here.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aipull.server.orphan_files import Orphans, remove_orphans


def store(storage: Path, name: str = "") -> Path:
    name = name or str(uuid.uuid4())
    path = storage / name[:2] / name[2:4] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 100)
    return path


def make_index(path: Path, *known: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE AttachedFiles (id INTEGER, fileType INTEGER, uuid TEXT)")
        connection.executemany("INSERT INTO AttachedFiles VALUES (1, 1, ?)", [(one.name,) for one in known])
    return path


def test_what_the_index_knows_stays_and_the_rest_goes(tmp_path: Path) -> None:
    storage = tmp_path / "store"
    known, orphan = store(storage), store(storage)
    index = make_index(tmp_path / "index", known)
    assert remove_orphans(storage, index, remove=False) == Orphans(1, 100, False)
    assert orphan.exists()
    assert remove_orphans(storage, index, remove=True) == Orphans(1, 100, True)
    assert (known.exists(), orphan.exists()) == (True, False)
    assert remove_orphans(storage, index, remove=True) == Orphans()


def empty(path: Path) -> None:
    path.touch()


def absent(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("lost", [empty, absent])
def test_a_lost_index_knows_no_file(tmp_path: Path, lost: Callable[[Path], None]) -> None:
    storage = tmp_path / "store"
    files = [store(storage) for _ in range(5)]
    lost(tmp_path / "index")
    assert remove_orphans(storage, tmp_path / "index", remove=True).files == 5
    assert not any(file.exists() for file in files)


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 500])
def test_with_an_index_that_cannot_be_read_nobody_knows_what_an_orphan_is(
    tmp_path: Path, content: bytes
) -> None:
    storage = tmp_path / "store"
    file = store(storage)
    (tmp_path / "index").write_bytes(content)
    assert remove_orphans(storage, tmp_path / "index", remove=True) == Orphans()
    assert file.exists()


def test_an_index_without_its_table_is_none(tmp_path: Path) -> None:
    storage = tmp_path / "store"
    file = store(storage)
    with closing(sqlite3.connect(tmp_path / "index")) as connection, connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
    assert remove_orphans(storage, tmp_path / "index", remove=True) == Orphans()
    assert file.exists()


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "index-wal",
        "readme.txt",
        "ab/readme",
        "ab/cd/readme",
        "ab/cd/abcd",
        "AB/CD/x",
        "handover/1.dcm",
    ],
)
def test_nothing_else_in_the_folder_is_touched(tmp_path: Path, name: str) -> None:
    storage = tmp_path / "store"
    other = storage / name
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(b"x")
    wrong_place = storage / "ab" / "cd" / str(uuid.UUID(int=0))
    wrong_place.parent.mkdir(parents=True, exist_ok=True)
    wrong_place.write_bytes(b"x")
    assert remove_orphans(storage, tmp_path / "absent", remove=True) == Orphans()
    assert other.exists()
    assert wrong_place.exists()


def test_a_store_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert remove_orphans(tmp_path / "store", tmp_path / "index", remove=True) == Orphans()
