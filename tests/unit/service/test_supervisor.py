"""
The supervisor: begins once the store answers, replaces threads that have died, tells those that are stuck.

Does not prove what kills a thread: in Python only its own code does. That main thread and signals do their
part is proved on the real process (tests/chaos/proofs/test_supervision.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs_module.domain.errors import RetriableError, about
from pacs_module.service import supervisor
from pacs_module.service.loop import Loop
from pacs_module.service.service import Service
from pacs_module.service.supervisor import NAME, Supervisor, supervised
from tests.fakes.pipeline import Pipeline
from tests.fakes.served import service_on, settings_file
from tests.fakes.world import FakeLog
from tests.support.waiting import wait_for

DIES = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # which is what is tested


class Running:
    """What the supervisor needs of a service."""

    def __init__(self, world: Pipeline, *loops: Loop) -> None:
        self.log, self.anonymise = world.log, world.anonymise
        self.loops = {loop.name: loop for loop in loops}
        self.freed = 0
        self.away = False
        self.destinations = None

    def free_claims(self) -> bool:
        with about("store here"):
            if self.away:
                raise RetriableError("the store is locked")
        self.freed += 1
        return False


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOOK_S", 0.01)


@pytest.fixture
def supervised_worker() -> Iterator[tuple[Pipeline, Loop]]:
    world = Pipeline()

    def step() -> bool:
        world.deliver(0.05)
        return True

    loop = Loop("WORKER-1", step, 0.05, world.log)
    service: Any = Running(world, loop)
    supervisor = supervised(service)
    supervisor.start()
    yield world, loop
    for each in service.loops.values():
        each.stop()
        each.join(60)


@DIES
def test_a_worker_that_dies_is_replaced_and_its_message_is_delivered(
    supervised_worker: tuple[Pipeline, Loop],
) -> None:
    world, _ = supervised_worker
    dies = iter([True])

    def backend(message: Any) -> None:
        if next(dies, False):
            raise SystemExit
        world.result("completed")

    world.backend.then = backend
    world.until_handed_over()
    world.publish()
    wait_for(lambda: world.study().state == "completed", what="the result")
    assert (
        "WORKER-1 had died and is started again",
        {"level": "ERROR", "loop": "WORKER-1"},
    ) in world.log.events
    wait_for(lambda: world.queue.depth() == 0, what="the message is settled")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """
    Every kind of loop that there is, each with a step that dies at its first call and does nothing
    afterwards.
    """
    file = settings_file(tmp_path)
    more = (
        f'[anonymise]\nfolder = "{tmp_path}/copies"\nkey = "sixteen letters!"\n[archive]\nfolder = '
        f'"{tmp_path}/archive"\n'
    )
    more += f'[upload_cache]\nfolder = "{tmp_path}/cache"\n[[destination]]\nname = "stow"\n'
    more += 'kind = "stow"\nurl = "http://127.0.0.1:1"\n'
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    with service_on(file) as (service, _):
        yield service
        for loop in service.loops.values():
            loop.stop()
        for loop in service.loops.values():
            loop.join(60)


@DIES
def test_the_thread_of_every_kind_of_loop_is_replaced(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = FakeLog()
    monkeypatch.setattr(service, "log", log)
    for loop in service.loops.values():
        loop.step, loop.log = dying_once(), log
    kinds = {name.split(" ")[0].split("-")[0] for name in service.loops}
    assert kinds >= {
        "find",
        "pull",
        "leases",
        "watch",
        "publish",
        "release",
        "anonymise",
        "archive",
        "RAM",
        "WORKER",
        "reconcile",
    }
    names = set(service.loops)
    supervised(service).start()
    replaced = {f"{name} had died and is started again" for name in names}
    wait_for(lambda: {what for what, _ in tuple(log.events)} >= replaced, what="all are replaced")
    wait_for(
        lambda: all(loop.ended_at and loop.alive() for loop in service.loops.values()), what="all run again"
    )


def dying_once() -> Any:
    dies = iter([True])

    def step() -> bool:
        if next(dies, False):
            raise SystemExit
        return False

    return step


@DIES
def test_the_supervisor_itself_is_replaced_by_whoever_looks_after_it() -> None:
    world = Pipeline()
    service: Any = Running(world)
    supervisor = supervised(service)
    working, dies = supervisor.step, dying_once()
    supervisor.step = lambda: dies() or working()
    supervisor.start()
    supervisor.join(60)
    assert not supervisor.alive()
    supervisor.look_after()
    wait_for(lambda: service.freed == 1, what="it works again")
    assert (f"{NAME} had died and is started again", {"level": "ERROR", "loop": NAME}) in world.log.events
    supervisor.stop()
    supervisor.join(60)


def test_nothing_begins_before_the_store_answers_and_then_everything_does_once() -> None:
    world = Pipeline()
    ran = threading.Semaphore(0)

    def step() -> bool:
        ran.release()
        return False

    loop = Loop("publish", step, 60, world.log)
    service: Any = Running(world, loop)
    service.away = True
    supervisor = Supervisor(service)
    for _ in range(2):
        with pytest.raises(RetriableError):
            supervisor()
    assert not loop.alive()
    service.away = False
    for _ in range(2):
        supervisor()
    assert ran.acquire(timeout=60)
    assert (service.freed, loop.alive()) == (1, True)
    loop.stop()
    loop.join(60)


def test_whom_the_supervisor_waits_for_is_told() -> None:
    world = Pipeline()
    service: Any = Running(world)
    service.away = True
    supervisor = supervised(service)
    supervisor.start()
    wait_for(lambda: supervisor.fault is not None, what="it says so")
    assert supervisor.fault is not None
    assert (supervisor.fault.server, supervisor.fault.because) == ("store here", "the store is locked")
    service.away = False
    wait_for(lambda: supervisor.fault is None, what="it goes on")
    supervisor.stop()
    supervisor.join(60)


def test_what_is_stuck_is_told_once_with_its_place_and_so_is_its_end() -> None:
    log, goes_on, inside = FakeLog(), threading.Event(), threading.Event()

    def a_step_that_hangs() -> bool:
        inside.set()
        goes_on.wait(60)
        return False

    loop = Loop("publish", a_step_that_hangs, 60, log, bound=0.0)
    loop.look_after()
    assert inside.wait(60)
    for _ in range(3):
        loop.look_after()
    ((what, values),) = log.events
    assert (what, values["level"]) == ("publish is stuck", "ERROR")
    assert "a_step_that_hangs" in str(values["place"])
    goes_on.set()
    wait_for(lambda: loop.ended_at > 0, what="the step ends")
    loop.look_after()
    assert [what for what, _ in log.events] == ["publish is stuck", "publish is not stuck any more"]
    loop.stop()
    loop.join(60)


def test_a_loop_that_was_asked_to_end_is_not_started_again() -> None:
    log = FakeLog()
    loop = Loop("publish", lambda: False, 60, log)
    loop.look_after()
    loop.stop()
    loop.join(60)
    loop.look_after()
    assert (loop.alive(), log.events) == (False, [])
