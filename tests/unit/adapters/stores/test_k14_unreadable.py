"""
A document that cannot be read costs only its own study: it is skipped, told with its reason, and nothing
stands still.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import mongomock
import pytest

from pacs_module.adapters.stores import json_safe
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import Unreadable
from pacs_module.domain.study.study import Study

FOREIGN: dict[str, dict[str, Any]] = {
    "a state of a newer version": {"state": "teleported"},
    "a list where one value was": {"history": 7},
    "text where an object was": {"handovers": ["h-1"]},
    "an object where a list was": {"pulls": {"a": 1}},
    "a hand-over without its id": {"handovers": [{"seriesUID": "1"}]},
    "a pull without a request": {"pull": {"attempt": 1}},
}
DAMAGED = {
    "cut off": '{"studyUID": "bad", "due": {"pu',
    "empty": "",
    "binary": "\x01\x02 not json",
    "two objects": '{"studyUID": "bad"}{}',
    "a bare word": "lost",
    "deep": '{"studyUID": "bad", "a": ' + "[" * 100_000 + "]" * 100_000 + "}",
}


def document(**changes: Any) -> dict[str, Any]:
    return {
        **json_safe.study_to_document(Study("bad", study_date="2020-06-12", due={"pull": 0}, revision=1)),
        **changes,
    }


def good(store: Any) -> None:
    for number in range(3):
        assert store.insert(Study(f"1.{number}", study_date="2020-06-12", due={"pull": number + 1}))


def check(store: Any) -> None:
    """Everything that reads many reads the others; what reads this one says why not."""
    assert len(store.find({"studyDate": "2020-06-12"})) == 3
    claimed = [store.claim("pull", "w", 100, 1_000) for _ in range(4)]
    assert [study.study_uid if study else None for study in claimed] == ["1.0", "1.1", "1.2", None]
    with pytest.raises(Unreadable, match="bad"):
        store.get("bad")
    assert "bad" in store.unreadable()["bad"]


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN)
def test_a_document_of_a_foreign_shape(tmp_path: Path, changes: dict[str, Any]) -> None:
    memory = MemoryStore()
    memory._texts["bad"] = json.dumps(document(**changes))
    good(memory)
    assert len(memory.find({"studyDate": "2020-06-12"})) == 3
    assert "bad" in memory.unreadable()
    with closing(SqliteStore(tmp_path / "study.db")) as store:
        write(tmp_path / "study.db", json.dumps(document(**changes)))
        good(store)
        check(store)
    client: Any = mongomock.MongoClient()
    mongo = MongoStore(client, "aipull")
    client["aipull"]["study_info_list"].insert_one({"_id": "bad", **document(**changes)})
    good(mongo)
    check(mongo)


def write(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute(
            "INSERT INTO study_info_list (studyUID, revision, document) VALUES ('bad', 1, ?)", [text]
        )


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_json_that_is_damaged_in_the_file_is_set_aside_and_the_study_can_be_found_anew(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "study.db"
    with closing(SqliteStore(path)) as store:
        good(store)
        store.insert(Study("bad", study_date="2020-06-12", due={"pull": 0}))
    overwrite_in_file(path, text)
    with closing(SqliteStore(path)) as store:
        claimed = [store.claim("pull", "w", 100, 1_000) for _ in range(4)]
        assert [study.study_uid if study else None for study in claimed] == ["1.0", "1.1", "1.2", None]
        assert len(store.find({"studyDate": "2020-06-12", "modality": "CT"})) == 0
        assert len(store.find({"studyDate": "2020-06-12"})) == 3
        assert store.get("bad") is None
        assert "set aside" in store.unreadable()["bad"]
        assert store.insert(Study("bad", study_date="2020-06-12"))
        assert store.get("bad") is not None
        assert store.unreadable() == {}
        assert store.read("SELECT document FROM set_aside", []) == [(text,)]


def overwrite_in_file(path: Path, text: str) -> None:
    """
    A table without computed columns takes any text; then its rows are put under the schema of the store.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("PRAGMA ignore_check_constraints = ON")
        shell.create_function(
            "json_extract", 2, lambda document, field: _extract(document, field), deterministic=True
        )
        shell.execute("DROP TRIGGER series_changed")
        shell.execute("UPDATE study_info_list SET document = ? WHERE studyUID = 'bad'", [text])


def _extract(document: str, field: str) -> Any:
    known = {"$.studyDate": "2020-06-12", "$.due.pull": 0}
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        return known.get(field)
    for part in field.removeprefix("$.").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if not isinstance(value, dict | list) else json.dumps(value)


def test_a_document_that_is_too_large_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_safe, "MOST_CHARACTERS", 10_000)
    with closing(SqliteStore(tmp_path / "study.db")) as store:
        write(tmp_path / "study.db", json.dumps(document(why="bad" * 5_000)))
        good(store)
        check(store)


def test_documents_that_are_damaged_do_not_keep_an_older_file_from_being_brought_up_to_date(
    tmp_path: Path,
) -> None:
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute(
            "CREATE TABLE study_info_list (studyUID TEXT PRIMARY KEY, revision INTEGER NOT NULL, "
            "document TEXT)"
        )
        rows = [("1.1", json.dumps(json_safe.study_to_document(Study("1.1")))), ("bad", "{")]
        shell.executemany("INSERT INTO study_info_list VALUES (?, 1, ?)", rows)
    with closing(SqliteStore(path)) as store:
        assert [study.study_uid for study in store.find({})] == ["1.1"]
        assert store.read("SELECT studyUID FROM set_aside", []) == [("bad",)]


NO_TEXT = {
    "one bit": b"\xe8\x83\xff",
    "half a character": b"\xe8\x83",
    "half a surrogate": b"\xed\xa0\xbd",
    "too long a form": b"\xc0\xaf",
    "Latin-1": b"\xd0\xd8\xb2\xbf",
    "no byte of UTF-8": b"\xfe\xff",
}


@pytest.mark.parametrize("damage", NO_TEXT.values(), ids=NO_TEXT)
def test_k08_bytes_that_are_no_text_keep_no_other_study_from_being_read(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "study.db"
    with closing(SqliteStore(path)) as store:
        good(store)
        store.insert(Study("bad", study_date="2020-06-12", study_description="胸", due={"pull": 0}))
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.text_factory = bytes
        for table, column in (("study_info_list", "document"), ("study_rows", "description")):
            told = f"SELECT {column} FROM {table} WHERE studyUID = 'bad'"
            (text,) = shell.execute(told).fetchone()
            spoiled = text.replace("胸".encode(), damage)
            assert spoiled != text, table
            shell.execute(f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE studyUID = 'bad'", [spoiled])
    with closing(SqliteStore(path)) as store:
        assert len(store.find({"studyDate": "2020-06-12"})) == 4
        claimed = [store.claim("pull", "w", 100, 1_000) for _ in range(5)]
        assert [one.study_uid if one else None for one in claimed] == ["bad", "1.0", "1.1", "1.2", None]
        assert len(store.get_many(["bad", "1.0"])) == 2
        bad = store.get("bad")
        assert bad is not None
        assert store.replace(bad), "written as text that can be read"
    with closing(sqlite3.connect(path)) as shell:
        (text,) = shell.execute("SELECT document FROM study_info_list WHERE studyUID = 'bad'").fetchone()
        assert "\\udc" in json.loads(text)["studyDescription"]
