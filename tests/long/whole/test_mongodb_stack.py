"""
The whole stack on a MongoDB-compatible server, with one pacs_module and with two; the answers of its writes
lost on the way.

Does not prove what MongoDB itself does: the server is SecantusDB (stack.secantusdb). kill -9 of it at each
stage: ``python -m tests.chaos.matrix --store mongodb``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from stack.probing import answers_http
from stack.whole import TO_STORE
from tests.chaos.audit.auditor import read_documents
from tests.chaos.rig.harness import Rig
from tests.chaos.rig.proxy import Proxy

pytestmark = [pytest.mark.server, pytest.mark.server("secantusdb"), pytest.mark.timeout(900)]

WRITES = (b"findAndModify\0", b"update\0", b"insert\0")
"""The commands as they stand in a message of MongoDB's protocol."""


class Detour:
    """A proxy in front of the database, and of nothing else."""

    def __init__(self) -> None:
        self.proxy: Proxy | None = None

    def __call__(self, name: str, port: int) -> int:
        if name != TO_STORE:
            return port
        self.proxy = Proxy(port)
        return self.proxy.port


@pytest.fixture(params=["one", "two"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    detour = Detour()
    with Rig(tmp_path / "rig", {"store": "mongodb"}, detour=detour, two=request.param == "two") as rig:
        yield rig
    assert detour.proxy is not None
    detour.proxy.close()


def proxy_of(rig: Rig) -> Proxy:
    assert isinstance(rig.detour, Detour)
    assert rig.detour.proxy is not None
    return rig.detour.proxy


def pulled(rig: Rig) -> set[str]:
    """The studies whose pull has ended."""
    return {
        uid
        for uid, document in read_documents(rig.store).items()
        if (document.get("pull") or {}).get("status") == "ended"
    }


def test_all_is_computed_once_while_the_store_dies_and_answers_are_lost(rig: Rig) -> None:
    proxy, chance = proxy_of(rig), random.Random(11)
    rig.send_day("quiet", cts=2)
    quiet = rig.until_settled(rig.wanted)
    assert (quiet.faults, quiet.computed) == ([], len(rig.wanted))
    for number in range(3):
        rig.send_day(f"lost{number}", cts=2)
        for _ in range(4):
            proxy.lose_answer(chance.choice(WRITES))
            time.sleep(chance.uniform(0.1, 0.8))  # at any moment of a study's way: that is the disaster
    rig.servers["store"].kill()
    rig.send_day("after", cts=1)
    rig.servers["store"].start()
    if rig.two:
        rig.servers["pacs_module"].kill()
        alone = {study.study_uid for study in rig.send_day("alone").wanted}
        rig.wait(
            lambda: alone <= pulled(rig), "the other finds and pulls it"
        )  # what is told to pacs_module is told to the first
        rig.servers["pacs_module"].start()
    else:
        _start_before_the_store(rig)
    found = rig.until_settled(rig.wanted)
    assert (found.faults, found.computed) == ([], len(rig.wanted))
    found = rig.until_clean()
    assert (found.faults, found.leftovers, found.half_written) == ([], [], [])


def _start_before_the_store(rig: Rig) -> None:
    """It waits for the store, answers that it is alive, and goes on by itself."""
    for name in ("pacs_module", "store"):
        rig.servers[name].kill()
    pacs_module = rig.process("pacs_module")
    pacs_module.spawn()
    rig.wait(lambda: answers_http(rig.stack.pacs_module.port, "/health/live"), "pacs_module is alive")
    ready = requests.get(f"{rig.stack.pacs_module.url}/health/ready", timeout=60)
    assert ready.status_code == 503
    assert "MongoDB" in ready.json()["store"]
    rig.servers["store"].start()
    pacs_module.wait_ready()
    rig.send_day("start")
