"""The bad habits of a platform: each shown so many times, then it behaves."""

from __future__ import annotations

import threading
from enum import StrEnum


class Habit(StrEnum):
    """What is wrong with it."""

    SLOW = "slow"
    """Answers late."""
    FAILS = "500"
    """Answers 500 and keeps nothing."""
    DROPS = "drops"
    """The connection breaks when 90 % of a body are there."""
    HALF = "half"
    """Says 200 and keeps half."""
    WRONG_ETAG = "wrong-etag"
    """Tells a checksum of something else."""
    AWAY = "away"
    """Hangs up before it has read anything."""
    CONFLICT = "409"
    """Answers 409 to whatever it has already."""
    NO_HEAD = "405"
    """Knows no HEAD."""
    BUSY = "503"
    """Says "not now"."""


ENDLESS = 10**9


class Habits:
    """What is to go wrong how often; may be changed while the platform runs."""

    def __init__(self, **times: int) -> None:
        self._left: dict[Habit, int] = {
            Habit(name.replace("_", "-")): number for name, number in times.items()
        }
        self._lock = threading.Lock()
        self.shown: list[Habit] = []

    def set(self, habit: Habit, times: int = ENDLESS) -> None:
        """Have it so often from now on."""
        with self._lock:
            self._left[habit] = times

    def clear(self) -> None:
        """Behave."""
        with self._lock:
            self._left.clear()

    def has(self, habit: Habit) -> bool:
        """Whether it is to be shown at all."""
        return self._left.get(habit, 0) > 0

    def show(self, habit: Habit) -> bool:
        """Whether it is shown now, once less in future."""
        with self._lock:
            if self._left.get(habit, 0) <= 0:
                return False
            self._left[habit] -= 1
            self.shown.append(habit)
            return True
