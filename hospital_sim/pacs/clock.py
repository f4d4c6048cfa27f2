"""Time at the simulated hospital: naive datetimes in the hospital's own time zone, as DICOM writes them."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Says what time it is at the hospital."""

    def now(self) -> dt.datetime:
        """The hospital's date and time."""
        ...


class ManualClock:
    """Stands still until somebody moves it."""

    def __init__(self, now: dt.datetime) -> None:
        self._lock = threading.Lock()
        self._now = now

    def now(self) -> dt.datetime:
        """The hospital's date and time."""
        with self._lock:
            return self._now

    def advance(self, by: dt.timedelta | float) -> dt.datetime:
        """Move on; a number is in seconds."""
        with self._lock:
            self._now += by if isinstance(by, dt.timedelta) else dt.timedelta(seconds=by)
            return self._now

    def set(self, now: dt.datetime) -> None:
        """Go to a moment."""
        with self._lock:
            self._now = now


class RunningClock:
    """Runs ``speed`` times as fast as ours; 1.0 is real time."""

    def __init__(self, start: dt.datetime, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> dt.datetime:
        """The hospital's date and time."""
        return self._start + dt.timedelta(seconds=(time.monotonic() - self._began) * self._speed)
