"""
What the leases beside every study store do, whichever it is.

Not proved here: clocks of several machines that differ by more than a lease is long.
"""

import threading

import pytest
from contract.store_cases import StoreCase

from pacs_module.adapters.leases import leases_of
from pacs_module.ports import Lease, Leases


@pytest.fixture
def leases(case: StoreCase) -> Leases:
    return leases_of(case.store)


def test_a_free_lease_is_taken_and_another_learns_who_has_it(leases: Leases) -> None:
    assert leases.take("find A", "one", now=1000, length=30) == Lease("find A", "one", 1030, {})
    assert leases.take("find A", "two", now=1010, length=30) == Lease("find A", "one", 1030, {})
    assert leases.take("find B", "two", now=1010, length=30).owner == "two"


def test_the_owner_renews_it(leases: Leases) -> None:
    leases.take("find A", "one", now=1000, length=30)
    assert leases.take("find A", "one", now=1020, length=30).until == 1050
    assert leases.take("find A", "two", now=1049, length=30).owner == "one"


def test_a_dead_owners_lease_is_taken_over_when_it_is_over_and_no_sooner(leases: Leases) -> None:
    leases.take("find A", "one", now=1000, length=30)
    assert leases.take("find A", "two", now=1029, length=30).owner == "one"
    assert leases.take("find A", "two", now=1030, length=30) == Lease("find A", "two", 1060, {}, before="one")
    assert leases.take("find A", "two", now=1030, length=30) == Lease("find A", "two", 1060, {})
    assert leases.take("find A", "one", now=1031, length=30).owner == "two"


def test_what_is_given_back_is_free_at_once_and_its_memo_stays(leases: Leases) -> None:
    leases.take("pull A", "one", now=1000, length=30)
    leases.give("pull A", "one", {"pullsAt": 2000, "who": "肺"})
    assert leases.take("pull A", "two", now=1001, length=30) == Lease("pull A", "two", 1031, {"pullsAt": 2000, "who": "肺"})
    leases.give("pull A", "two")
    assert leases.take("pull A", "one", now=1002, length=30).memo == {"pullsAt": 2000, "who": "肺"}


def test_only_the_owner_writes_and_gives_back(leases: Leases) -> None:
    leases.take("find A", "one", now=1000, length=30)
    leases.note("find A", "one", {"circuit": "open"})
    leases.note("find A", "two", {"circuit": "closed"})
    leases.give("find A", "two", {"circuit": "closed"})
    assert leases.take("find A", "two", now=1001, length=30) == Lease("find A", "one", 1030, {"circuit": "open"})
    leases.give("find Z", "one")
    leases.note("find Z", "one", {})


def test_of_many_threads_one_gets_it(case: StoreCase) -> None:
    leases = leases_of(case.store)
    start, owners = threading.Barrier(8), []

    def work(owner: str) -> None:
        start.wait()
        for name in "ABCDE":
            lease = leases.take(name, owner, now=1000, length=30)
            if lease.owner == owner:
                owners.append(name)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(owners) == list("ABCDE")
