"""A worker of the plugins: a thread that works in steps and never dies of an error."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.retry import doubled
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.step_thread import StepThread

PACE_S = 0.1
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 8.0
"""Between two failures in a row: Orthanc around us is there again within a second, or all of us end."""


class Worker(ABC):
    """
    Sleeps between steps for as long as the last one said, unless woken.

    Args:
        name: As it stands in the log.
        log: Gets a failed step, once for each new reason.
    """

    IDLE_S = 5.0

    def __init__(self, name: str, log: ContractLog) -> None:
        self._log = log
        self._name = name
        self._thread = StepThread(name, self._one_step, PACE_S)
        self._begun = False
        self._last_error = ""
        self._failures = 0

    @abstractmethod
    def step(self) -> float:
        """Do what is due; seconds until the next step unless woken."""

    def begin(self) -> None:  # noqa: B027 - most have nothing to begin
        """Done once in the thread before the first step; repeated until it succeeds."""

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self, at_once: bool = False) -> None:
        """There is something to do; ``at_once``: somebody waits for it, the pace is not kept."""
        self._thread.wake(at_once)

    def pace(self, seconds: float) -> None:
        """At least so long from this step to the next one, unless woken at once."""
        self._thread.pace_s = seconds

    def stop(self) -> None:
        """No further step."""
        self._thread.stop()

    def join(self, seconds: float) -> None:
        """Wait for the step that is running."""
        self._thread.join(seconds)

    def _one_step(self) -> float:
        try:
            if not self._begun:
                self.begin()
                self._begun = True
            pause = self.step()
        except Exception as error:
            return self._failed(error)
        self._last_error, self._failures = "", 0
        return pause

    def _failed(self, error: Exception) -> float:
        words = f"{type(error).__name__}: {error}"
        if words != self._last_error and not self._thread.stopping():
            trace = "" if isinstance(error, RetriableError) else traceback.format_exc()
            self._log.event(
                "step_failed", "a step failed and will be repeated",
                level="ERROR", worker=self._name, error=words, trace=trace,
            )  # fmt: skip
        self._last_error = words
        self._failures += 1
        return doubled(_FIRST_PAUSE_S, self._failures, _LONGEST_PAUSE_S)
