"""
K8 at the delivery workers: a message that fails or kills whoever takes it costs only itself.

Does not prove what RabbitMQ makes of it; tests/integration/deliver/test_k08_poison_messages.py has the real one, and
real deaths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pacs_module.domain.errors import PermanentError, RetriableError, Unreachable
from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import H1, H2, UID, Pipeline

OTHER = "1.2.3"
ERRORS = [
    RuntimeError("unforeseen"),
    RecursionError("too deep"),
    MemoryError(),
    KeyError("studyUID"),
    ValueError("Exceeds the limit (4300 digits)"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ZeroDivisionError(),
    AssertionError(),
    OSError(5, "Input/output error"),
    AttributeError("none"),
]


def two_waiting(world: Pipeline) -> None:
    """A poisonous one in front, and a good one."""
    world.until_handed_over()
    world.clock.pass_seconds(1)
    world.accept(world.message(None, studyUID=OTHER, handoverID=H2))
    while world.publish():
        pass


def fail_with(world: Pipeline, error: BaseException) -> None:
    def submit(message: Mapping[str, Any], key: str) -> None:
        if key == H1:
            raise error
        world.backend.submitted.append(key)

    world.backend.submit = submit  # type: ignore[method-assign,assignment]
    world.deliver.stopping = lambda: bool(world.backend.submitted)


def deliver_all(world: Pipeline, times: int = 6) -> int:
    """How many times a worker failed."""
    failures = 0
    for _ in range(times):
        try:
            world.deliver(0)
        except (Exception, SystemExit):
            failures += 1
    return failures


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_the_error_the_third_failure_buries_the_message_and_the_others_go_on(
    world: Pipeline, error: Exception
) -> None:
    two_waiting(world)
    fail_with(world, error)
    assert deliver_all(world) == 2, "and the third one is no failure of the worker's"
    assert world.backend.submitted[:1] == [H2]
    (letter,) = world.queue.dead_letters(10)
    assert (letter.message["handoverID"], type(error).__name__ in letter.reason) == (H1, True)
    study = world.study(UID)
    assert (study.state, study.handovers[0].message_state) == (State.DEAD_LETTER, "dead")
    assert "failed 3 times" in study.why


def test_a_message_over_which_three_workers_died_is_buried_untouched(world: Pipeline) -> None:
    two_waiting(world)
    fail_with(world, SystemExit())
    for _ in range(3):
        with pytest.raises(SystemExit):
            world.deliver(0)
        world.deliver.failed.clear()  # nothing of it is in the memory of the next process
    assert deliver_all(world) == 0
    assert world.backend.submitted[:1] == [H2]
    assert world.queue.dead_letters(10)[0].reason == "3 workers died or failed while they delivered it"
    assert world.study(UID).state is State.DEAD_LETTER


@pytest.mark.parametrize("error", [Unreachable("nobody there"), RetriableError("500")])
def test_what_can_pass_is_no_failure_of_the_message(world: Pipeline, error: Exception) -> None:
    two_waiting(world)
    world.backend.error = error
    for _ in range(8):
        world.deliver(0)
        world.clock.pass_seconds(1)
    assert world.queue.dead_depth() == 0
    assert world.study(UID).handovers[0].begun == 0


def test_an_accepted_one_has_killed_nobody(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.deliver.stopping = lambda: True
    for _ in range(5):
        world.deliver(0)
    assert (world.study().handovers[0].begun, world.queue.dead_depth()) == (0, 0)


def test_the_store_that_cannot_read_the_study_does_not_stop_the_worker(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_waiting(world)
    get = world.store.get

    def refuses(uid: str) -> Any:
        if uid == UID:
            raise PermanentError("the document of study cannot be read")
        return get(uid)

    monkeypatch.setattr(world.store, "get", refuses)
    fail_with(world, RuntimeError())
    assert deliver_all(world) == 2
    assert world.backend.submitted[:1] == [H2]
    assert "cannot be read" in world.queue.dead_letters(1)[0].reason
