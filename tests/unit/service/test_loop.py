"""
Loops survive their step's errors, say so, and stop when asked.

Does not prove how a real step behaves, nor that the pauses are right in wall-clock time: the pause is asked
for, not waited for.
"""

import math
import threading
from collections.abc import Callable

import pytest

from pacs_module.domain.errors import RetriableError, about
from pacs_module.domain.explain.outages import ServerFault
from pacs_module.service.loop import LONGEST_PAUSE_S, LONGEST_WAIT_S, Loop
from tests.fakes.world import FakeLog

LONG_S = 30.0
"""A wait that only a broken loop would sit out."""


class Steps:
    """A step that does one thing after the other and tells when it was called how often."""

    def __init__(self, *what: Callable[[], bool]) -> None:
        self.what = list(what)
        self.calls = threading.Semaphore(0)

    def __call__(self) -> bool:
        self.calls.release()
        return self.what.pop(0)() if self.what else False

    def called(self) -> None:
        assert self.calls.acquire(timeout=60), "the step was not called"


def fails() -> bool:
    raise RetriableError("RabbitMQ is away")


def breaks() -> bool:
    raise ValueError("a bug")


def busy() -> bool:
    return True


def test_a_busy_step_is_called_again_at_once_and_an_idle_one_when_woken() -> None:
    steps = Steps(busy, busy)
    loop = Loop("pull", steps, LONG_S, FakeLog())
    loop.start()
    for _ in range(3):
        steps.called()
    loop.wake()
    steps.called()
    loop.stop()
    loop.join(60)
    assert not loop.alive()


def test_a_step_that_knows_when_it_has_work_is_called_then() -> None:
    due = iter([0.0, 0.05])
    steps = Steps()
    loop = Loop("follow", steps, LONG_S, FakeLog(), due_in_s=lambda: next(due, math.inf))
    loop.start()
    for _ in range(3):
        steps.called()
    loop.stop()
    loop.join(60)


@pytest.mark.parametrize(("step", "kind"), [(fails, "RetriableError"), (breaks, "unexpected")])
def test_an_error_is_logged_and_the_thread_goes_on(step: Callable[[], bool], kind: str) -> None:
    log = FakeLog()
    steps = Steps(step, busy)
    loop = Loop("publish", steps, LONG_S, log)
    loop.start()
    steps.called()
    loop.wake()
    steps.called()
    steps.called()
    assert loop.alive()
    loop.stop()
    loop.join(60)
    assert [(what, values.get("kind")) for what, values in log.events] == [
        ("publish failed", kind),
        ("publish goes on", None),
    ]
    assert loop.failures == 0


def test_a_stop_during_a_failing_step_is_not_forgotten() -> None:
    log = FakeLog()
    loop = Loop("publish", lambda: stop_and_fail(), LONG_S, log)

    def stop_and_fail() -> bool:
        loop.stop()
        raise RetriableError("the store is closed")

    loop.start()
    loop.join(60)
    assert not loop.alive()
    assert log.events[0][0] == "publish failed"


@pytest.mark.parametrize(
    ("server", "longest"), [("RabbitMQ at 127.0.0.1:5672", LONGEST_WAIT_S), ("", LONGEST_PAUSE_S)]
)
def test_the_pause_grows_with_failures_in_a_row_less_where_a_server_is_away(
    server: str, longest: float
) -> None:
    loop = Loop("publish", busy, 1.0, FakeLog())
    pauses = []
    for failures in (0, 1, 2, 3, 7, 500):
        loop.failures, loop.fault = failures, ServerFault(server, "it failed", 0)
        pauses.append(loop._pause())
    assert pauses == [1.0, 1.0, 2.0, 4.0, longest, longest]


def test_a_loop_of_short_pauses_waits_no_longer_for_a_server() -> None:
    loop = Loop("supervisor", busy, 2.0, FakeLog(), longest_pause=2.0)
    loop.failures, loop.fault = 500, ServerFault("store in MongoDB", "no server answers", 0)
    assert loop._pause() == 2.0


def test_one_failure_again_and_again_is_told_ever_more_rarely_and_another_one_at_once() -> None:
    log = FakeLog()
    loop = Loop("publish", fails, LONG_S, log)
    for _ in range(9):
        loop._one_step()
    loop.step = breaks
    loop._one_step()
    assert [values["inRow"] for _, values in log.events] == [1, 2, 4, 8, 10]


def test_who_meets_a_server_again_tells_its_name() -> None:
    met: list[str] = []

    def away() -> bool:
        with about("RabbitMQ at 127.0.0.1:5672"):
            raise RetriableError("connection refused")

    loop = Loop("publish", away, LONG_S, FakeLog(), met_again=met.append)
    loop._one_step()
    loop.step = breaks
    loop._one_step()
    loop.step = busy
    loop._one_step()
    assert met == [], "what failed last was no server"
    loop.step = away
    loop._one_step()
    loop.step = busy
    loop._one_step()
    loop._one_step()
    assert met == ["RabbitMQ at 127.0.0.1:5672"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_started_again() -> None:
    def dies() -> bool:
        raise SystemExit

    steps = Steps(dies, busy)
    loop = Loop("WORKER-1", steps, LONG_S, FakeLog())
    loop.start()
    loop.join(60)
    assert not loop.alive()
    loop.start()
    steps.called()
    steps.called()
    assert loop.alive()
    loop.stop()
    loop.join(60)
