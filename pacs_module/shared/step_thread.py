"""
One thread that works in steps and sleeps between them: the workers of the plugins and the loops of
pacs_module.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable

_FRAMES = 4


class StepThread:
    """
    A named daemon thread.

    Args:
        name: As it stands in logs.
        step: Does what is due and returns the seconds until the next step unless woken. It deals with its own
            errors: one that it lets out ends the thread, and :meth:`alive` says so.
        pace_s: Seconds between two steps at the least, unless woken at once. A Python thread inside Orthanc
            that is always busy takes half of Orthanc's speed of receiving. A step may change it for the next
            one.
    """

    def __init__(self, name: str, step: Callable[[], float], pace_s: float = 0.0) -> None:
        self._name = name
        self._step = step
        self.pace_s = pace_s
        self._woken = threading.Event()
        self._hurried = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work; again after the thread has died."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self._thread is not None

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self, at_once: bool = False) -> None:
        """
        There may be work; a call while a step runs makes another step follow it.

        Args:
            at_once: Somebody waits for it: the pace is not kept.
        """
        self._woken.set()
        if at_once:
            self._hurried.set()

    def stop(self) -> None:
        """No further step."""
        self._stopped.set()
        self.wake(at_once=True)

    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def join(self, seconds: float) -> None:
        """Wait for the step that is running."""
        if self._thread is not None:
            self._thread.join(seconds)

    def place(self) -> str:
        """Where in the code the thread is, the innermost calls."""
        frame = sys._current_frames().get(self._thread.ident or 0) if self._thread else None
        return "".join(traceback.format_stack(frame)[-_FRAMES:]) if frame else ""

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            self._hurried.clear()
            pause = self._step()
            pace = self.pace_s
            if pace:
                self._hurried.wait(pace)
            self._woken.wait(max(pause - pace, 0.0))
