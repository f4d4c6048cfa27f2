"""
MongoDB's adapter when its connection breaks in the middle of a write: what is true then, and that nothing is
written twice.

Not proved here: MongoDB itself (the server is MongoDB-compatible, see stack.secantusdb), and the driver's own
repeated writes on a replica set.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.study.study import Study
from stack.servers.secantusdb import SecantusDb
from tests.chaos.rig.proxy import Mode, Proxy
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("secantusdb")


@pytest.fixture
def proxy(secantusdb: SecantusDb) -> Iterator[Proxy]:
    proxy = Proxy(secantusdb.port)
    yield proxy
    proxy.close()


@pytest.fixture
def direct(secantusdb: SecantusDb) -> Iterator[MongoStore]:
    """The same database by a connection that nobody cuts."""
    store = MongoStore(secantusdb.url, f"cuts_{random.randrange(10**9)}")
    yield store
    store._client.drop_database(store._database.name)
    store.close()


@pytest.fixture
def store(secantusdb: SecantusDb, direct: MongoStore, proxy: Proxy) -> Iterator[MongoStore]:
    store = MongoStore(secantusdb.url_at(proxy.port), direct._database.name)
    assert store.count({}) == 0
    yield store
    store.close()


INSERT, UPDATE, CLAIM = b"insert\0", b"update\0", b"findAndModify\0"
"""The commands as they stand in a message."""


def lost(proxy: Proxy, command: bytes, call: Callable[[], object]) -> None:
    """Make a call whose answer is lost."""
    proxy.lose_answer(command)
    with pytest.raises(RetriableError):
        call()


def test_an_insert_whose_answer_is_lost_was_made_and_is_not_made_again(
    store: MongoStore, direct: MongoStore, proxy: Proxy
) -> None:
    study = Study("1.2.3", patient_id="first")
    lost(proxy, INSERT, lambda: store.insert(study))
    assert study.revision == 0
    assert not store.insert(Study("1.2.3", patient_id="second"))
    assert [one.patient_id for one in direct.find({})] == ["first"]


def test_a_replace_whose_answer_is_lost_was_made_and_is_refused_the_second_time(
    store: MongoStore, proxy: Proxy
) -> None:
    study = Study("1.2.3")
    store.insert(study)
    study.attempts += 1
    lost(proxy, UPDATE, lambda: store.replace(study))
    assert study.revision == 1
    assert not store.replace(study)  # so whoever repeats it has to read again, and sees that it is done
    now = store.get("1.2.3")
    assert now is not None
    assert (now.attempts, now.revision) == (1, 2)


def test_a_claim_whose_answer_is_lost_comes_back_when_its_lease_is_over_and_no_sooner(
    store: MongoStore, proxy: Proxy
) -> None:
    store.insert(Study("1.2.3", due={"pull": 0}))
    lost(proxy, CLAIM, lambda: store.claim("pull", "me", now=1_000, lease=300))
    assert store.claim("pull", "me", now=1_299, lease=300) is None
    (found,) = store.find({"claims.pull": "me"})  # whoever claimed can find it by its name, and let it go
    assert found.due == {"pull": 1_300}
    taken = store.claim("pull", "another", now=1_300, lease=300)
    assert taken is not None
    assert taken.claims == {"pull": "another"}


def test_a_lease_whose_answer_is_lost_is_ours_at_the_next_try(store: MongoStore, proxy: Proxy) -> None:
    leases = leases_of(store)
    lost(proxy, INSERT, lambda: leases.take("find A", "one"))
    there = leases.take("find A", "two")
    assert there.owner == "one"
    assert leases.take("find A", "one").beat == there.beat + 1


def test_half_a_write_is_none(store: MongoStore, direct: MongoStore, proxy: Proxy) -> None:
    store.insert(Study("1.2.3"))
    study = store.get("1.2.3")
    assert study is not None
    study.patient_id = "x" * 100_000
    proxy.mode = Mode.HALVE
    with pytest.raises(RetriableError):
        store.replace(study)
    proxy.mode = Mode.PASS
    assert direct.get("1.2.3") == Study("1.2.3", revision=1)
    assert store.replace(study)
    assert direct.get("1.2.3") == study


def test_no_update_is_lost_or_doubled_while_connections_are_cut(
    store: MongoStore, direct: MongoStore, proxy: Proxy
) -> None:
    """Four threads count; each knows which of its writes were acknowledged and of which it does not know."""
    store.insert(Study("1.2.3"))
    sure, unsure, over = [0] * 4, [0] * 4, threading.Event()

    def count(number: int) -> None:
        while not over.is_set() or not sure[number]:
            try:
                study = store.get("1.2.3")
            except RetriableError:
                continue
            assert study is not None
            study.attempts += 1
            try:
                sure[number] += store.replace(study)
            except RetriableError:
                unsure[number] += 1

    threads = [threading.Thread(target=count, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    chance, cuts = random.Random(7), 0
    while cuts < 8 or not sum(unsure):
        before = sum(sure)
        wait_for(lambda before=before: sum(sure) > before, what="a write to go well again")  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 0.02))  # at any moment of a write, not at one: that is the disaster
        proxy.lose_answer(UPDATE) if chance.random() < 0.5 else proxy.cut()
        cuts += 1
    over.set()
    for thread in threads:
        thread.join(60)
    end = direct.get("1.2.3")
    assert end is not None
    assert end.revision == end.attempts + 1
    assert sum(sure) <= end.attempts <= sum(sure) + sum(unsure)
