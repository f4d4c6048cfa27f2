"""Copies of SQLite files in folders where the copier may not write, as pacs_module sees the journal in its container."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pacs_module.adapters.backup.snapshot import copy_sqlite, let_go_of
from pacs_module.domain.errors import PermanentError


def made(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("PRAGMA user_version = 7")
    return connection


def rows(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere: a read-only mount is told as one."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)


def test_while_it_is_used_and_after_it_was_closed(tmp_path: Path, read_only: None) -> None:
    source = tmp_path / "journal.db"
    with closing(made(source)):
        assert copy_sqlite(source, tmp_path / "one.db") == 7
    assert not (tmp_path / "journal.db-wal").exists()
    assert copy_sqlite(source, tmp_path / "two.db") == 7
    assert (rows(tmp_path / "one.db"), rows(tmp_path / "two.db")) == (1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.db", "one.db", "two.db"]


def test_what_lies_beside_is_taken_in_before_a_file_is_replaced(tmp_path: Path) -> None:
    source, killed = tmp_path / "journal.db", tmp_path / "killed.db"
    with closing(made(source)):
        for ending in ("", "-wal"):  # as a killed process leaves it
            killed.with_name(f"killed.db{ending}").write_bytes(
                source.with_name(f"journal.db{ending}").read_bytes()
            )
        with pytest.raises(PermanentError, match="in use"):
            let_go_of(source)
    let_go_of(killed)
    assert [path.name for path in tmp_path.glob("killed*")] == ["killed.db"]
    assert rows(killed) == 1


def test_a_damaged_file_is_not_copied_and_may_be_replaced(tmp_path: Path) -> None:
    source = tmp_path / "journal.db"
    source.write_bytes(b"something else altogether" * 100)
    with pytest.raises(PermanentError, match=r"journal\.db cannot be copied"):
        copy_sqlite(source, tmp_path / "copy.db")
    let_go_of(source)
    let_go_of(tmp_path / "absent.db")
