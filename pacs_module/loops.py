"""Threads that do a step again and again, survive its errors, and say so."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from .domain.errors import PipelineError
from .ports import EventLog

LONGEST_PAUSE_S = 60.0


@dataclass
class Loop:
    """
    One thread.

    ``step`` does the work and returns whether there was any: then it is called again at once, otherwise after ``interval``
    seconds or when somebody calls :meth:`wake`. An error is logged; the pause doubles with each one in a row, up to a minute.
    """

    name: str
    step: Callable[[], bool]
    interval: float
    log: EventLog
    failures: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, again if it has died."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the thread to end after its step."""
        self._stop.set()
        self._wake.set()

    def stopping(self) -> bool:
        """Whether it has been asked to end."""
        return self._stop.is_set()

    def join(self, timeout: float) -> None:
        """Wait for its end, in seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            if not self._one_step():
                self._wake.wait(self._pause())

    def _one_step(self) -> bool:
        try:
            busy = self.step()
        except PipelineError as error:
            self._failed(str(error), type(error).__name__)
            return False
        except Exception:
            # Whatever it was, the thread goes on: a dead one would be a queue stuck without a line in the log.
            self._failed(traceback.format_exc(), "unexpected")
            return False
        if self.failures:
            self.log.event(f"{self.name} goes on", after=self.failures)
        self.failures = 0
        return busy

    def _failed(self, words: str, kind: str) -> None:
        self.failures += 1
        self.log.event(f"{self.name} failed", "WARNING", kind=kind, error=words, inRow=self.failures)

    def _pause(self) -> float:
        if not self.failures:
            return self.interval
        return float(min(max(self.interval, 0.5) * 2 ** min(self.failures - 1, 10), LONGEST_PAUSE_S))
