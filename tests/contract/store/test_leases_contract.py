"""
What the leases beside every study store do, whichever it is.

No clock is in it: those who watch its beat judge when a lease is over (test_hold_leases.py).
"""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.ports import Lease, Leases
from tests.contract.store.store_cases import StoreCase


@pytest.fixture
def leases(case: StoreCase) -> Leases:
    return leases_of(case.store)


def test_a_free_lease_is_taken_and_another_learns_who_has_it(leases: Leases) -> None:
    taken = leases.take("find A", "one")
    assert taken == Lease("find A", "one", taken.beat, {})
    assert leases.take("find A", "two") == taken
    assert leases.take("find B", "two").owner == "two"


def test_the_owner_renews_it_and_its_beat_tells(leases: Leases) -> None:
    beat = leases.take("find A", "one").beat
    assert leases.take("find A", "one").beat == beat + 1
    assert leases.take("find A", "two") == Lease("find A", "one", beat + 1, {})


def test_a_dead_owners_lease_is_taken_over_unless_it_was_renewed_meanwhile(leases: Leases) -> None:
    beat = leases.take("find A", "one").beat
    leases.take("find A", "one")
    assert leases.take("find A", "two", over=beat) == Lease("find A", "one", beat + 1, {})
    assert leases.take("find A", "two", over=beat + 1) == Lease("find A", "two", beat + 2, {})
    assert leases.take("find A", "three", over=beat + 1).owner == "two"
    assert leases.take("find A", "one").owner == "two"


def test_what_is_given_back_is_free_at_once_and_its_memo_stays(leases: Leases) -> None:
    beat = leases.take("pull A", "one").beat
    leases.give("pull A", "one", {"pullsAt": 2000, "who": "肺"})
    assert leases.take("pull A", "two") == Lease("pull A", "two", beat + 1, {"pullsAt": 2000, "who": "肺"})
    leases.give("pull A", "two")
    assert leases.take("pull A", "one").memo == {"pullsAt": 2000, "who": "肺"}


def test_only_the_owner_writes_gives_back_and_removes(leases: Leases) -> None:
    beat = leases.take("find A", "one").beat
    leases.note("find A", "one", {"circuit": "open"})
    leases.note("find A", "two", {"circuit": "closed"})
    leases.give("find A", "two", {"circuit": "closed"})
    leases.remove("find A", "two")
    assert leases.take("find A", "two") == Lease("find A", "one", beat, {"circuit": "open"})
    for nothing_there in (leases.give, leases.remove):
        nothing_there("find Z", "one")
    leases.note("find Z", "one", {})


def test_a_memo_without_a_lease_is_read_and_changed_by_anybody(leases: Leases) -> None:
    assert leases.memo("move A") == {}
    assert leases.edit("move A", lambda memo: {**memo, "state": "open", "told": "肺"}) == {
        "state": "open",
        "told": "肺",
    }
    assert leases.memo("move A") == {"state": "open", "told": "肺"}
    assert leases.take("move A", "one").memo == {"state": "open", "told": "肺"}
    leases.edit("move A", lambda memo: {**memo, "state": "closed"})
    held = next(lease for lease in leases.all() if lease.name == "move A")
    assert (held.owner, held.memo) == ("one", {"state": "closed", "told": "肺"})


def test_no_change_of_a_memo_is_lost(leases: Leases) -> None:
    def count() -> None:
        for _ in range(20):
            leases.edit("move A", lambda memo: {"number": int(str(memo.get("number", 0))) + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert leases.memo("move A") == {"number": 80}


def test_all_of_them_and_what_is_removed_is_none_of_them(leases: Leases) -> None:
    beat = leases.take("process 肺:1", "one").beat
    leases.take("find A", "two")
    leases.give("find A", "two")
    assert sorted(lease.name for lease in leases.all()) == ["find A", "process 肺:1"]
    leases.remove("process 肺:1", "one")
    assert [(lease.name, lease.owner) for lease in leases.all()] == [("find A", "")]
    anew = leases.take("process 肺:1", "one")
    assert anew == Lease("process 肺:1", "one", anew.beat, {})
    assert abs(anew.beat - beat) > 1000, "it is not taken for the old one"


def test_a_file_of_before_has_leases_that_nobody_holds(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT "
            "NULL, memo TEXT)"
        )
        connection.execute("INSERT INTO leases VALUES ('find A', 'dead', 9999999999999, '{}')")
        connection.commit()
    with closing(SqliteStore(path)) as store:
        beat = leases_of(store).take("find A", "one").beat
        assert leases_of(store).take("find A", "one") == Lease("find A", "one", beat + 1, {})


def test_of_many_threads_one_gets_it(case: StoreCase) -> None:
    leases = leases_of(case.store)
    beats = {name: leases.take(name, "dead").beat for name in "FGHIJ"}
    start, owners = threading.Barrier(8), []

    def work(owner: str) -> None:
        start.wait()
        for name in "ABCDEFGHIJ":
            lease = leases.take(name, owner, over=beats.get(name))
            if lease.owner == owner:
                owners.append(name)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(owners) == list("ABCDEFGHIJ")
