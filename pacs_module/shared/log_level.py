"""The least level of what is written to a log, changed while the process runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..domain.errors import MessageError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
USUAL = "INFO"
MAX_S = 24 * 3600.0
"""The longest that another level may last, in seconds."""


class LogLevel:
    """
    Another level ends by itself: whoever looks for a fault at night forgets to turn it back. ``now``: seconds
    that only go forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._level, self._until = USUAL, 0.0

    def set(self, level: object, seconds: object) -> None:
        """
        Write this level and what is graver for so many seconds.

        Raises:
            MessageError: No such level, or not so long.
        """
        if not isinstance(level, str) or level not in LEVELS:
            raise MessageError("level", level, ", ".join(LEVELS))
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= MAX_S:
            raise MessageError("seconds", seconds, f"more than 0, at most {MAX_S:.0f}")
        with self._lock:
            self._level, self._until = level, self._now() + seconds

    def writes(self, level: str) -> bool:
        """Whether something of this level is written now."""
        least = self._current()[0]
        return level not in LEVELS or LEVELS.index(level) >= LEVELS.index(least)

    def told(self) -> Mapping[str, Any]:
        """``level``, and ``seconds`` until it is the usual one again (None: it is)."""
        level, seconds = self._current()
        return {"level": level, "seconds": None if level == USUAL else round(seconds)}

    def _current(self) -> tuple[str, float]:
        with self._lock:
            left = self._until - self._now()
            return (self._level, left) if left > 0 else (USUAL, 0.0)
