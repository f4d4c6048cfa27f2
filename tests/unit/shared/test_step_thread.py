"""One thread that works in steps. Conditions are waited for, never times."""

import threading

from pacs_module.shared.step_thread import StepThread


class Steps:
    def __init__(self, pause: float = 3600.0) -> None:
        self.pause = pause
        self.done = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self) -> float:
        self.done.release()
        assert self.go.acquire(timeout=20)
        return self.pause


def test_a_wake_while_a_step_runs_makes_another_step_follow() -> None:
    steps = Steps()
    thread = StepThread("one", steps)
    assert (thread.started, thread.alive()) == (False, False)
    thread.start()
    assert steps.done.acquire(timeout=20)
    thread.wake()
    steps.go.release()
    assert steps.done.acquire(timeout=20)
    assert "go.acquire" in thread.place() or "acquire" in thread.place()
    thread.stop()
    steps.go.release()
    thread.join(20)
    assert (thread.started, thread.alive(), thread.stopping()) == (True, False, True)


def test_it_can_be_started_again_after_a_step_let_an_error_out() -> None:
    steps = Steps()
    ended: list[type[BaseException]] = []
    before = threading.excepthook
    threading.excepthook = lambda args: ended.append(args.exc_type)
    try:
        thread = StepThread("one", lambda: 1 / 0 if not ended else steps())
        thread.start()
        thread.join(20)
        assert (thread.alive(), ended) == (False, [ZeroDivisionError])
    finally:
        threading.excepthook = before
    thread.start()
    assert steps.done.acquire(timeout=20)
    thread.stop()
    steps.go.release()
    thread.join(20)


def test_a_wake_at_once_does_not_keep_the_pace() -> None:
    steps = Steps()
    thread = StepThread("one", steps, pace_s=3600.0)
    thread.start()
    for _ in range(2):
        assert steps.done.acquire(timeout=20)
        thread.wake(at_once=True)
        steps.go.release()
    assert steps.done.acquire(timeout=20)
    thread.stop()
    steps.go.release()
    thread.join(20)


def test_no_further_step_begins_after_stop() -> None:
    steps = Steps(pause=0.0)
    thread = StepThread("one", steps, pace_s=0.01)
    thread.start()
    assert steps.done.acquire(timeout=20)
    thread.stop()
    steps.go.release()
    thread.join(20)
    assert not steps.done.acquire(blocking=False)
