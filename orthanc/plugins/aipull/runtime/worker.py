"""A thread that works in steps, sleeps between them, and never dies of an error."""

from __future__ import annotations

import threading
import traceback
from abc import ABC, abstractmethod

from pacs_module.domain.errors import RetriableError
from pacs_module.shared.logs import ContractLog


class Worker(ABC):
    """
    A named daemon thread.

    ``wake`` ends its sleep; it sleeps between steps for as long as the last one said. Two steps are ``PACE_S`` apart at
    least, because a Python thread that is always busy takes half of Orthanc's speed of receiving.
    """

    IDLE_S = 5.0
    PACE_S = 0.1
    _AFTER_ERROR_S = 1.0

    def __init__(self, name: str, log: ContractLog) -> None:
        self._log = log
        self._name = name
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._last_error = ""

    @abstractmethod
    def step(self) -> float:
        """Do what is due; seconds until the next step unless woken."""

    def begin(self) -> None:  # noqa: B027 - most have nothing to begin
        """Done once in the thread before the first step; repeated until it succeeds."""

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def stop(self) -> None:
        """No further step."""
        self._stopped.set()
        self._woken.set()

    def join(self, seconds: float) -> None:
        """Wait for the step that is running."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        begun = False
        while not self._stopped.is_set():
            try:
                if not begun:
                    self.begin()
                    begun = True
                pause = self.step()
                self._last_error = ""
            except Exception as error:
                pause = self._failed(error)
            if not self._stopped.wait(self.PACE_S):
                self._woken.wait(max(pause - self.PACE_S, 0))
                self._woken.clear()

    def _failed(self, error: Exception) -> float:
        words = f"{type(error).__name__}: {error}"
        if words != self._last_error and not self._stopped.is_set():
            trace = "" if isinstance(error, RetriableError) else traceback.format_exc()
            self._log.event(
                "step_failed", "a step failed and will be repeated",
                level="ERROR", worker=self._name, error=words, trace=trace,
            )
        self._last_error = words
        return self._AFTER_ERROR_S
