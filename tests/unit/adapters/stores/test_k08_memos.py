"""Memos and entries beside the studies, damaged in the store: each costs only itself, and is told (K8)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import mongomock
import pytest

from pacs_module.adapters.report_exchange.ledger import ledger_of
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.report_exchange.entry import Entry, EntryKind, EntryState
from tests.unit.domain.json_messages.test_k08_kept_json import DAMAGED

damaged = pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)


def spoil(path: Path, statement: str, raw: bytes) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement, [raw])


@damaged
def test_a_lease_with_a_damaged_memo_is_taken_and_told(raw: bytes, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "study.db")
    leases = leases_of(store)
    leases.take("move A", "me")
    leases.edit("move B", lambda memo: {"state": "open"})
    spoil(tmp_path / "study.db", "UPDATE leases SET memo = CAST(? AS TEXT) WHERE name = 'move A'", raw)
    assert leases.take("move A", "me").memo == {}
    assert [lease.memo for lease in leases.all()] == [{}, {"state": "open"}]
    assert leases.edit("move A", lambda memo: {**memo, "state": "closed"}) == {"state": "closed"}
    assert list(store.unreadable_beside()) == ["memo 'move A'"]
    store.close()


@pytest.mark.parametrize("memo", ["", "{", "[" * 100_000, "[]", None, 7])
def test_the_same_in_mongodb(memo: Any) -> None:
    store = MongoStore(mongomock.MongoClient(), "pacs")
    leases = leases_of(store)
    leases.take("move A", "me")
    store.beside("leases").update_one({"_id": "move A"}, {"$set": {"memo": memo}})
    assert leases.take("move A", "me").memo == {}
    assert leases.edit("move A", lambda memo: {**memo, "state": "closed"}) == {"state": "closed"}
    assert list(store.unreadable_beside()) == ["memo 'move A'"]


def entry(key: str, due: int) -> Entry:
    return Entry(EntryKind.REPORT, key, "2026-11-20", {"key": key}, 1, "d", "now", due=due)


@damaged
def test_a_damaged_entry_of_the_ledger_is_set_aside(raw: bytes, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "study.db")
    ledger = ledger_of(store)
    assert ledger.put(entry("R1", 1))
    assert ledger.put(entry("R2", 2))
    spoil(tmp_path / "study.db", "UPDATE ledger SET document = CAST(? AS TEXT) WHERE key = 'R1'", raw)
    assert [body["key"] for body in ledger.bodies(EntryKind.REPORT, "2026-11-01", "2026-11-30")] == ["R2"]
    assert [one.key for one in ledger.due(EntryKind.REPORT, 10, 1)] == []
    assert [one.key for one in ledger.due(EntryKind.REPORT, 10, 1)] == ["R2"], (
        "it does not stand before others"
    )
    assert [one.key for one in ledger.between(EntryKind.REPORT, "2026-11-01", "2026-11-30")] == ["R2"]
    assert ledger.put(entry("R1", 1)), "what is told again is taken again"
    assert ledger.counts(EntryKind.REPORT) == {EntryState.WAITING: 2}
    assert len(store.unreadable_beside()) == 1
    store.close()
