"""
What a process had claimed that is over is taken over by one that lives; one that only stood still acts on it
no more.

Real processes: the cells claimed:pacs_module and those of "one of two" in tests/chaos.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pacs_module.adapters import machine
from pacs_module.adapters.machine import process_is_gone, this_process
from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.study.study import ANONYMISE, PULL, RELEASE, WATCH
from pacs_module.use_cases.recover.free_claims import FreeClaims
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY, FakeCopies

LEASE_MS = 300_000


@pytest.fixture
def world() -> Pipeline:
    world = Pipeline(store=MemoryStore(), limit=1)
    world.pacs.studies["A"] = [answer(UID, 100)]
    world.find("A", DAY)
    world.find("A", DAY)
    return world


class Process:
    """Its presence, and how it clears up."""

    def __init__(self, world: Pipeline, leases: MemoryLeases, owner: str, dead: set[str]) -> None:
        holding = LeaseHolder(leases, owner, world.clock, world.log, timedelta(seconds=30), dead.__contains__)
        self.leases, self.step = holding, FreeClaims(world.store, holding, world.clock, world.log)


@pytest.fixture
def started(world: Pipeline) -> Callable[[str], Process]:
    leases, dead = MemoryLeases(), {"dead"}

    def start(owner: str) -> Process:
        process = Process(world, leases, owner, dead)
        assert process.step() is False
        return process

    return start


def test_the_claims_of_a_dead_process_are_free_at_once(
    world: Pipeline, started: Callable[[str], Process]
) -> None:
    started("dead")
    world.store.claim(PULL, "dead", world.clock.now(), LEASE_MS)
    assert world.pull() == 0
    started("next")
    assert world.pull() == 1
    assert "taken over" in world.events()


def test_those_of_a_silent_one_after_its_length_and_those_of_a_living_one_never(
    world: Pipeline, started: Callable[[str], Process]
) -> None:
    silent, living = started("silent"), started("living")
    world.store.claim(PULL, "silent", world.clock.now(), LEASE_MS)
    for _ in range(3):
        assert world.pull() == 0
        world.clock.pass_seconds(10)
        living.leases.renew()
        living.step()
    assert (
        "claims of a dead process are free",
        {"level": "WARNING", "process": "silent", "claims": 1},
    ) in world.log.events
    assert world.pull() == 1
    world.report(world.plugins.asked[-1], "failed")
    world.clock.pass_seconds(30)
    world.store.claim(PULL, "living", world.clock.now(), LEASE_MS)
    silent.leases.renew()
    silent.step()
    assert world.pull() == 0


def test_a_copy_and_a_release_that_a_dead_process_had_begun_are_done_at_once() -> None:
    world = Pipeline(store=MemoryStore(), copies=FakeCopies())
    leases = MemoryLeases()
    world.until_handed_over()
    Process(world, leases, "dead", set()).step()
    assert world.store.claim(ANONYMISE, "dead", world.clock.now(), LEASE_MS)
    assert not world.anonymise()
    Process(world, leases, "next", {"dead"}).step()
    assert world.anonymise()
    world.published()
    world.result("completed")
    world.clock.pass_seconds(700)
    assert world.store.claim(RELEASE, "next", world.clock.now(), LEASE_MS)
    assert not world.release()
    Process(world, leases, "third", {"next"}).step()
    assert world.release()
    assert world.study().handovers[0].released_at


def test_only_claims_are_free_and_not_what_waits_for_its_time(
    world: Pipeline, started: Callable[[str], Process]
) -> None:
    started("dead")
    study = world.study()
    study.schedule(RELEASE, world.clock.now())
    study.schedule(WATCH, world.clock.now() + 5000)
    assert world.store.replace(study)
    world.store.claim(PULL, "dead", world.clock.now(), LEASE_MS)
    world.store.claim(RELEASE, "other", world.clock.now(), LEASE_MS)
    started("next")
    now = world.clock.now()
    assert world.study().due == {PULL: now, RELEASE: now + LEASE_MS, WATCH: now + 5000}
    assert world.study().claims == {RELEASE: "other"}


def test_a_pause_of_the_study_that_was_once_claimed_is_kept(
    world: Pipeline, started: Callable[[str], Process]
) -> None:
    started("dead")
    study = world.store.claim(PULL, "dead", world.clock.now(), LEASE_MS)
    assert study is not None
    study.schedule(PULL, world.clock.now() + 1000)
    assert world.store.replace(study)
    started("next")
    assert world.study().due[PULL] == world.clock.now() + 1000


def test_who_stood_still_with_a_claim_leaves_it_to_who_has_it_now(
    world: Pipeline, started: Callable[[str], Process]
) -> None:
    started("dead")
    real = world.pull.prepare.finder
    claimed: list[bool] = []

    class Slow:
        def find(self, *asked: object, **keys: object) -> object:
            if not claimed:
                world.pull.prepare.finder = real
                change = world.study()
                change.claims, change.due = {PULL: "next"}, {PULL: world.clock.now() + LEASE_MS}
                claimed.append(world.store.replace(change))
            return real.find(*asked, **keys)  # type: ignore[arg-type]

    world.pull.prepare.finder = Slow()  # type: ignore[assignment]
    assert world.pull() == 0
    assert (claimed, world.plugins.asked) == ([True], [])
    assert world.study().claim_on(PULL) == ("next", world.clock.now() + LEASE_MS)


# --- names of processes ---


def test_the_name_of_a_process_says_host_pid_start_and_place() -> None:
    host, pid, started_at, place = this_process().rsplit(":", 3)
    assert (host, pid) == (socket.gethostname(), str(os.getpid()))
    assert started_at.isdigit()
    assert str(os.stat("/proc/self/ns/pid").st_ino) in place
    assert not process_is_gone(this_process())


def named(pid: int, started_at: str = "") -> str:
    host, _, mine, place = this_process().rsplit(":", 3)
    return f"{host}:{pid}:{started_at or mine}:{place}"


def test_who_is_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "print(); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        started_at = (Path("/proc") / str(child.pid) / "stat").read_text().rpartition(")")[2].split()[19]
        assert not process_is_gone(named(child.pid, started_at))
        assert process_is_gone(named(child.pid, str(int(started_at) - 1))), "its pid was given again"
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_is_gone(named(child.pid, started_at)), "dead, its parent has not asked yet"
    assert process_is_gone(named(child.pid, started_at))


@pytest.mark.parametrize("place", ["0", "00000000-1", "other"])
def test_of_another_boot_or_pid_namespace_nothing_can_be_told(place: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert process_is_gone(named(ended.pid))
    assert not process_is_gone(named(ended.pid).rpartition(":")[0] + f":{place}")


def test_of_another_host_and_of_names_that_are_none_nothing_can_be_told() -> None:
    host = socket.gethostname()
    for unknown in (
        f"else{this_process()}",
        "",
        "1",
        f"{host}:1",
        f"{host}:x:1:0",
        ":::",
        f"{host}:1:0:{machine._place()}",
    ):
        assert not process_is_gone(unknown)
