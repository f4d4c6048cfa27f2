"""
The file of the SQLite store is removed or replaced while it is in use (K14): noticed, nothing written
elsewhere, put back.

Does not prove what is told and shown; that is tests/long/recover/test_k14_records.py.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import StoreLost
from pacs_module.domain.study.study import Study


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "study 胸.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path)) as store:
        for number in range(50):
            assert store.insert(Study(f"1.{number}", patient_id="张" * 100, due={"pull": number}))
        yield store


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def move_away(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def checkpoint_and_remove(path: Path) -> None:
    with closing(sqlite3.connect(path)) as shell:
        shell.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.unlink()


LOSSES = [remove, remove_all, remove_folder, move_away, checkpoint_and_remove]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_removed_file_is_noticed_by_every_call_and_no_other_is_made(
    store: SqliteStore, path: Path, lose: Callable[[Path], None]
) -> None:
    lose(path)
    leases = leases_of(store)
    calls: list[Callable[[], object]] = [
        store.identity,
        lambda: store.get("1.1"),
        lambda: store.insert(Study("2")),
        lambda: store.replace(Study("1.1", revision=1)),
        lambda: store.claim("pull", "w", 100, 10),
        lambda: store.of_handover("h"),
        lambda: store.next_due("pull"),
        lambda: leases.take("a", "me"),
    ]
    for call in calls:
        with pytest.raises(StoreLost, match="removed"):
            call()
    assert not path.exists()


@pytest.mark.parametrize("lose", LOSSES)
def test_it_is_put_back_with_every_study(
    store: SqliteStore, path: Path, lose: Callable[[Path], None]
) -> None:
    before = store.identity()
    lose(path)
    assert "put back" in store.recover()
    assert store.recover() == ""
    assert store.identity() == before
    assert store.count({}) == 50
    assert store.insert(Study("after"))
    assert store.claim("pull", "w", 0, 10).study_uid == "1.0"  # type: ignore[union-attr]
    with closing(SqliteStore(path)) as again:
        assert again.count({}) == 51
        assert again.identity() == before


def test_all_threads_go_on_with_the_file_that_was_put_back(store: SqliteStore, path: Path) -> None:
    begun, back, wrong = threading.Barrier(5, timeout=20), threading.Event(), []

    def work(number: int) -> None:
        assert store.get("1.1") is not None  # a connection of this thread's to the file that goes
        begun.wait()
        back.wait(20)
        if not store.insert(Study(f"2.{number}")) or store.count({}) < 50:
            wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    path.unlink()
    store.recover()
    back.set()
    for thread in threads:
        thread.join(20)
    assert not wrong
    with closing(SqliteStore(path)) as again:
        assert again.count({}) == 54


def test_a_second_process_uses_the_file_that_the_first_has_put_back(store: SqliteStore, path: Path) -> None:
    with closing(SqliteStore(path)) as other:
        assert other.count({}) == 50
        path.unlink()
        assert "put back" in store.recover()
        assert store.insert(Study("2"))
        with pytest.raises(StoreLost, match="replaced"):
            other.get("2")
        assert "same installation" in other.recover()
        assert other.count({}) == 51
        assert other.insert(Study("3"))
    assert store.count({}) == 52


@pytest.mark.parametrize("what", ["empty file", "other store", "no database", "folder"])
def test_what_lies_in_its_place_is_not_touched(
    store: SqliteStore, path: Path, tmp_path: Path, what: str
) -> None:
    other = tmp_path / "other.db"
    if what == "other store":
        with closing(SqliteStore(other)) as made:
            made.insert(Study("theirs"))
    elif what == "folder":
        other.mkdir()
    else:
        other.write_bytes(b"" if what == "empty file" else b"something else" * 1000)
    content = None if what == "folder" else other.read_bytes()
    path.unlink()
    os.rename(other, path)
    for _ in range(2):
        with pytest.raises(StoreLost):
            store.insert(Study("2"))
        with pytest.raises(StoreLost):
            store.recover()
    assert content is None or path.read_bytes() == content


def test_a_backup_of_the_same_store_in_its_place_is_used(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(backup)) as target, closing(sqlite3.connect(path)) as source:
        source.backup(target)
    store.insert(Study("since then"))
    remove_all(path)
    backup.rename(path)
    assert "same installation" in store.recover()
    assert store.count({}) == 50


def test_a_file_that_was_only_renamed_for_a_moment_is_the_same(store: SqliteStore, path: Path) -> None:
    aside = path.with_name("aside.db")
    path.rename(aside)
    with pytest.raises(StoreLost):
        store.get("1.1")
    aside.rename(path)
    assert store.get("1.1") is not None
    assert store.recover() == ""


def test_nobody_writes_between_the_copy_and_its_place(store: SqliteStore, path: Path) -> None:
    """A process that waits for the lock while another puts the file back looks again when it has it."""
    with closing(SqliteStore(path)) as other:
        opened, started, done = threading.Event(), threading.Event(), []

        def write() -> None:
            other.get("1.1")  # its connection is open before the file goes
            opened.set()
            try:
                with other.writing() as connection:
                    started.set()
                    connection.execute("DELETE FROM study_info_list WHERE studyUID = '1.1'")
            except StoreLost as error:
                done.append(error)

        holder, reader = store._keepers
        holder.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=write)
        thread.start()
        assert opened.wait(20)
        path.unlink()
        assert store._file.put_back(reader)
        holder.execute("COMMIT")
        thread.join(20)
        assert not started.is_set()
        assert done
        store.recover()
        assert store.get("1.1") is not None


def test_a_file_that_is_cut_to_nothing_in_its_place_is_noticed(store: SqliteStore, path: Path) -> None:
    store.identity()
    os.truncate(path, 0)  # not the -shm file: that is mapped, and the system ends whoever touches it
    for call in (store.identity, store.recover, lambda: store.insert(Study("2"))):
        with pytest.raises(StoreLost, match="emptied"):
            call()
    assert path.stat().st_size == 0


def test_a_table_that_is_emptied_by_hand_is_noticed_and_then_begun_anew(
    store: SqliteStore, path: Path
) -> None:
    before = store.identity()
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute("DELETE FROM study_info_list")
    for _ in range(2):
        with pytest.raises(StoreLost, match="emptied") as lost:
            store.identity()
        assert lost.value.server == f"store {path}", "health knows by it that the store is meant"
    assert "begun anew" in store.recover()
    assert store.identity() == before
    assert store.recover() == ""


def test_a_store_that_never_had_a_study_is_not_emptied(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "new.db")) as store:
        assert store.identity() == store.identity()
        assert store.recover() == ""
