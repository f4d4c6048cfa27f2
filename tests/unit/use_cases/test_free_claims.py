"""
What a dead process had claimed or held is taken up at once by the next one.

Real processes, killed between a claim and the pull: the cell claimed:pacs_module of tests/chaos.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from fakes.pipeline import UID, Pipeline, answer
from fakes.world import DAY, FakeClock, FakeCopies, FakeLog

from pacs_module.adapters.leases import MemoryLeases
from pacs_module.adapters.local import process_is_gone, this_process
from pacs_module.adapters.memory_store import MemoryStore
from pacs_module.domain.study import ANONYMISE, PULL, RELEASE
from pacs_module.use_cases.free_claims import FreeClaims
from pacs_module.use_cases.hold_leases import HoldLeases

MINUTE_MS = 60_000


@pytest.fixture
def world() -> Pipeline:
    world = Pipeline(store=MemoryStore(), limit=1)
    world.pacs.studies["A"] = [answer(UID, 100)]
    world.find("A", DAY)
    world.find("A", DAY)
    return world


def claimed(world: Pipeline, owner: str, lease: int = 5 * MINUTE_MS) -> None:
    study = world.store.claim(PULL, owner, world.clock.now(), lease)
    assert study is not None
    assert world.pull() == 0


def free(world: Pipeline, *dead: str) -> int:
    return FreeClaims(world.store, world.clock, world.log, lambda owner: owner in dead)()


def test_the_claim_of_a_dead_process_is_free_at_once(world: Pipeline) -> None:
    claimed(world, "dead")
    assert free(world, "dead") == 1
    assert world.pull() == 1


def test_the_claim_of_a_living_process_stays(world: Pipeline) -> None:
    claimed(world, "alive")
    assert free(world, "dead") == 0
    assert world.pull() == 0


def test_a_pause_longer_than_any_claim_stays(world: Pipeline) -> None:
    claimed(world, "dead", lease=6 * MINUTE_MS)
    assert free(world, "dead") == 0


def test_what_is_due_anyway_is_left_alone(world: Pipeline) -> None:
    assert free(world, "dead", "") == 0
    assert world.pull() == 1


def test_a_copy_and_a_release_that_a_dead_process_had_begun_are_done_at_once() -> None:
    world = Pipeline(store=MemoryStore(), copies=FakeCopies())
    world.until_handed_over()
    now, lease = world.clock.now, 15 * MINUTE_MS
    assert world.store.claim(ANONYMISE, "dead", now(), lease)
    assert not world.anonymise()
    assert free(world, "dead") == 1
    assert world.anonymise()
    world.published()
    world.result("completed")
    world.clock.pass_seconds(700)
    assert world.store.claim(RELEASE, "dead", now(), lease)
    assert not world.release()
    assert free(world, "dead") == 1
    assert world.release()
    assert world.study().handovers[0].released_at


def test_the_lease_of_a_dead_process_is_over() -> None:
    leases, clock, log = MemoryLeases(), FakeClock(), FakeLog()
    dead = HoldLeases(leases, "dead", clock, log, timedelta(seconds=30))
    assert dead.hold("find A")
    one, two = (HoldLeases(leases, owner, clock, log, timedelta(seconds=30), lambda owner: owner == "dead") for owner in "12")
    assert one.hold("find A")
    assert not two.hold("find A")
    assert one.hold("find A")


def test_who_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    assert process_is_gone(f"{host}:{ended.pid}")
    assert this_process() == f"{host}:{os.getpid()}"
    assert not process_is_gone(this_process())
    for unknown in (f"elsewhere:{ended.pid}", "", "1", f"{host}:", f"{host}:x"):
        assert not process_is_gone(unknown)
