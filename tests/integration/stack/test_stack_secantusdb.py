"""
The MongoDB-compatible server, and MongoDB's adapter when that server dies.

Not proved here: MongoDB itself, a replica set, and what a machine's power failure does to its disk.
"""

import re
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pymongo
import pymongo.monitoring
import pytest

from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.study.study import Study
from stack.identity import bearers
from stack.ports import LOOPBACK, free_ports
from stack.probing import accepts_tcp
from stack.run_folder import RunFolder
from stack.servers.secantusdb import SecantusDb

pytestmark = pytest.mark.server("secantusdb")


@pytest.fixture
def server(run_folder: RunFolder) -> Iterator[SecantusDb]:
    server = SecantusDb(run_folder, free_ports(1)[0])
    server.start()
    yield server
    server.kill()


def test_it_listens_on_loopback_only(secantusdb: SecantusDb) -> None:
    listeners = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(rf"(\S+):{secantusdb.port}\s", listeners)) == {LOOPBACK}


def test_what_was_acknowledged_outlives_a_kill_and_nothing_outlives_stop(
    server: SecantusDb, run_folder: RunFolder
) -> None:
    store = MongoStore(server.url, "aipull")
    acknowledged: dict[str, int] = {}
    enough = threading.Barrier(5)
    writers = [
        threading.Thread(target=_write_until_it_dies, args=(store, f"{number}", acknowledged, enough))
        for number in range(4)
    ]
    for writer in writers:
        writer.start()
    enough.wait(60)
    server.kill()
    for writer in writers:
        writer.join(60)
    server.start()
    kept = {study.study_uid: study.revision for study in store.find({})}
    store.close()
    assert len(acknowledged) >= 12
    assert {
        uid: kept.get(uid, 0) for uid, revision in acknowledged.items() if kept.get(uid, 0) < revision
    } == {}
    server.stop()
    assert not accepts_tcp(server.port)
    assert bearers(run_folder.mark) == []


def test_every_write_asks_for_the_journal_of_a_majority(secantusdb: SecantusDb) -> None:
    sent = Sent()
    with pymongo.MongoClient[dict[str, Any]](secantusdb.url, event_listeners=[sent]) as client:
        store = MongoStore(client, "asked")
        study = Study("1.2.3", due={"pull": 0})
        assert store.insert(study)
        assert store.replace(study)
        assert store.claim("pull", "me", 0, 100)
        leases = leases_of(store)
        leases.take("find A", "me")
        leases.give("find A", "me")
        leases.remove("find A", "")
        client.drop_database("asked")
    assert {name for name, _ in sent.writes} == {"insert", "update", "delete", "findAndModify"}
    assert {(concern["w"], concern["j"]) for _, concern in sent.writes} == {("majority", True)}


class Sent(pymongo.monitoring.CommandListener):
    """The write concerns of the writes that the driver sends."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("insert", "update", "delete", "findAndModify"):
            self.writes.append((event.command_name, event.command["writeConcern"]))

    def succeeded(self, event: object) -> None:
        pass

    def failed(self, event: object) -> None:
        pass


def _write_until_it_dies(
    store: MongoStore, name: str, acknowledged: dict[str, int], enough: threading.Barrier
) -> None:
    number = 0
    try:
        while True:
            study = Study(f"{name}.{number}", patient_id="x" * 2_000)
            assert store.insert(study)
            acknowledged[study.study_uid] = 1
            assert store.replace(study)
            acknowledged[study.study_uid] = 2
            number += 1
            if number == 3:
                enough.wait(60)
    except RetriableError:
        return
