"""
A worker whose thread has died is replaced, with a line in the log, and goes on with the message that it had.

Does not prove what kills a thread: in Python only its own code does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.pipeline import Pipeline
from waiting import wait_for

from pacs_module import run
from pacs_module.loops import Loop


class Running:
    """What the supervisor needs of a service."""

    def __init__(self, world: Pipeline, loop: Loop) -> None:
        self.log, self.loops = world.log, {loop.name: loop}


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Pipeline, Loop]]:
    monkeypatch.setattr(run, "SUPERVISE_S", 0.01)
    world = Pipeline()

    def step() -> bool:
        world.deliver(0.05)
        return True

    loop = Loop("WORKER-1", step, 0.05, world.log)
    service: Any = Running(world, loop)
    done = threading.Event()
    supervisor = threading.Thread(target=run._supervise, args=(service, done))
    loop.start()
    supervisor.start()
    yield world, loop
    done.set()
    supervisor.join(60)
    loop.stop()
    loop.join(60)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # which is what is tested
def test_a_worker_that_dies_is_replaced_and_its_message_is_delivered(supervised: tuple[Pipeline, Loop]) -> None:
    world, _ = supervised
    dies = iter([True])

    def backend(message: Any) -> None:
        if next(dies, False):
            raise SystemExit
        world.result("completed")

    world.backend.then = backend
    world.until_handed_over()
    world.publish()
    wait_for(lambda: world.study().state == "completed", what="the result")
    assert ("WORKER-1 had died and is started again", {"level": "ERROR"}) in world.log.events
    wait_for(lambda: world.queue.depth() == 0, what="the message is settled")
