"""Threads that do a step again and again, survive its errors, and say so."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ..domain.errors import PipelineError
from ..domain.explain.outages import ServerFault
from ..domain.retry import doubled
from ..ports import EventLog
from ..shared.step_thread import StepThread

LONGEST_PAUSE_S = 60.0
"""Between two failures of a step that fails by itself, in seconds."""
LONGEST_WAIT_S = 10.0
"""Between two looks whether a server is back, in seconds."""
SHORTEST_PAUSE_S = 0.001
BOUND_S = 300.0


class Role(StrEnum):
    """What a loop is for; what it is called is for people only."""

    FIND = "find"
    PULL = "pull"
    PUBLISH = "publish"
    DELIVER = "deliver"
    """A delivery worker: waits for the backend."""
    ROUTE = "route"
    UPLOAD = "upload"
    """A worker of a destination beside the backend."""
    UPKEEP = "upkeep"
    """Everything that looks after the others and after what they leave behind."""


@dataclass
class Loop:
    """
    One thread.

    ``step`` does the work and returns whether there was any: then it is called again at once, otherwise after
    ``interval`` seconds or when somebody calls :meth:`wake`. The pause doubles with each error in a row, up
    to ``longest_pause`` seconds, and to :data:`LONGEST_WAIT_S` at most when a server is away. An error is
    logged when it is another one than the last, and else the 1st, 2nd, 4th, 8th ... time in a row. When a
    server is met again, ``met_again`` hears its name: others may wait for it. A step that takes longer than
    ``bound`` seconds counts as stuck: nobody ends it, but it is told.
    """

    name: str
    step: Callable[[], bool]
    interval: float
    log: EventLog
    bound: float = BOUND_S
    longest_pause: float = LONGEST_PAUSE_S
    met_again: Callable[[str], None] = lambda server: None
    role: Role = Role.UPKEEP
    due_in_s: Callable[[], float] = lambda: math.inf
    """Seconds until there is work, where that is known: the pause is no longer than that."""
    failures: int = 0
    fault: ServerFault | None = None
    """Of the last step, when it failed, since the first failure in the row."""
    ended_at: int = 0
    """When the last step ended, in epoch milliseconds; 0: none has yet."""
    _began: float | None = None
    _told_stuck: bool = False
    _thread: StepThread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = StepThread(self.name, self._step_and_pause)

    def start(self) -> None:
        """Start the thread, again if it has died."""
        self._began, self._told_stuck = None, False
        self._thread.start()

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.alive()

    def step_s(self) -> float:
        """How long the step that runs has been running, in seconds; 0 between two steps."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def stuck(self) -> bool:
        """Whether its step takes longer than one ever should."""
        return self.step_s() > self.bound

    def look_after(self) -> None:
        """
        For the supervisor: start it, again when it has died, and tell once when it is stuck, with the place
        in the code.
        """
        if self.stopping():
            return
        if not self._thread.started:
            self.start()
        elif not self.alive():
            words = f"{self.name} had died and is started again"
            self.log.event("loop_restarted", words, "ERROR", loop=self.name)
            self.start()
        elif self.stuck() != self._told_stuck:
            self._told_stuck = not self._told_stuck
            self._tell_stuck()

    def _tell_stuck(self) -> None:
        if self._told_stuck:
            values = {"loop": self.name, "forS": round(self.step_s()), "place": self._thread.place()}
            self.log.event("loop_stuck", f"{self.name} is stuck", "ERROR", **values)
        else:
            self.log.event("loop_not_stuck", f"{self.name} is not stuck any more", loop=self.name)

    def wake(self) -> None:
        """There may be work."""
        self._thread.wake()

    def stop(self) -> None:
        """Ask the thread to end after its step."""
        self._thread.stop()

    def stopping(self) -> bool:
        """Whether it has been asked to end."""
        return self._thread.stopping()

    def join(self, timeout: float) -> None:
        """Wait for its end, in seconds."""
        self._thread.join(timeout)

    def _step_and_pause(self) -> float:
        return 0.0 if self._one_step() else self._pause()

    def _one_step(self) -> bool:
        self._began = time.monotonic()
        try:
            busy = self.step()
        except PipelineError as error:
            self._failed(error, str(error), type(error).__name__)
            return False
        except Exception as error:
            # Whatever it was, the thread goes on: a dead one would be a queue stuck without a line in the
            # log.
            self._failed(error, traceback.format_exc(), "unexpected")
            return False
        finally:
            self._began, self.ended_at = None, epoch_ms()
        if self.failures:
            self._goes_on()
        return busy

    def _goes_on(self) -> None:
        self.log.event("loop_goes_on", f"{self.name} goes on", loop=self.name, after=self.failures)
        server = self.fault.server if self.fault else ""
        self.failures, self.fault = 0, None
        if server:
            self.met_again(server)

    def _failed(self, error: Exception, words: str, kind: str) -> None:
        before, self.failures = self.fault, self.failures + 1
        self.fault = ServerFault.of(error, before.since if before else epoch_ms())
        if self.fault != before or self.failures.bit_count() == 1:
            self._tell_failed(self.fault.server, words, kind)

    def _tell_failed(self, server: str, words: str, kind: str) -> None:
        told = {"kind": kind, "server": server, "error": words, "inRow": self.failures}
        self.log.event("loop_failed", f"{self.name} failed", "WARNING", loop=self.name, **told)

    def _pause(self) -> float:
        if not self.failures:
            return min(self.interval, max(self.due_in_s(), SHORTEST_PAUSE_S))
        longest = (
            min(self.longest_pause, LONGEST_WAIT_S)
            if self.fault and self.fault.server
            else self.longest_pause
        )
        return doubled(max(self.interval, 0.5), self.failures, longest)


def epoch_ms() -> int:
    """Now, as the wall clock has it, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
