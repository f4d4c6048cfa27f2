"""
How much comes, and how much of it is valid: counts by minute and sender, looked at through sliding windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

MINUTE_MS = 60_000
FEWEST = 10
"""Of fewer images a failure rate says nothing."""
_SECOND_MS = 1000
_LONGEST_S = 600


@dataclass(frozen=True)
class Tally:
    """Images of one sender that passed, and that failed."""

    passed: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.passed + self.failed

    @property
    def failure_rate(self) -> float:
        """0 to 1; 0 where nothing came."""
        return self.failed / self.total if self.total else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.passed + other.passed, self.failed + other.failed)

    def beyond(self, tolerance: float) -> bool:
        """Whether more fail than is tolerated, of enough images to say so."""
        return self.failed > 0 and self.total >= FEWEST and self.failure_rate > tolerance


@dataclass(frozen=True)
class Minute:
    """One sender's images of one minute; ``minute``: epoch milliseconds divided by 60000."""

    ae_title: str
    minute: int
    tally: Tally


def by_sender(minutes: Iterable[Minute], now: int, window_ms: int) -> dict[str, Tally]:
    """What each sender sent within the window that ends now; the minute in which it began counts whole."""
    first = (now - window_ms) // MINUTE_MS
    found: dict[str, Tally] = {}
    for one in minutes:
        if one.minute >= first:
            found[one.ae_title] = found.get(one.ae_title, Tally()) + one.tally
    return found


@dataclass(frozen=True)
class Pace:
    """
    How fast a sender's images come.

    Args:
        a_second: Images a second within the window.
        highest: The highest so far of the last ten minutes.
        last_at: When the last one came, epoch milliseconds.
    """

    a_second: float = 0.0
    highest: float = 0.0
    last_at: int = 0


class Arrivals:
    """
    Images by second and sender of the last ten minutes; in memory, because it tells of now.

    Args:
        window_s: Of the sliding window, in seconds.
    """

    def __init__(self, window_s: int = 60) -> None:
        self._window_s = window_s
        self._seconds: dict[str, deque[tuple[int, int]]] = {}
        self._last: dict[str, int] = {}

    def add(self, counts: Mapping[str, int], now: int) -> None:
        """So many images of these senders came now (epoch milliseconds)."""
        second = now // _SECOND_MS
        for sender, number in counts.items():
            seen = self._seconds.setdefault(sender, deque())
            _count(seen, second, number)
            self._last[sender] = now
            while seen[0][0] <= second - _LONGEST_S:
                seen.popleft()

    def paces(self, now: int) -> dict[str, Pace]:
        """Of each sender that was heard since the process began."""
        second = now // _SECOND_MS
        return {name: self._pace(name, tuple(seen), second) for name, seen in tuple(self._seconds.items())}

    def _pace(self, name: str, seen: tuple[tuple[int, int], ...], second: int) -> Pace:
        within, highest, begin = 0, 0, 0
        recent = [one for one in seen if one[0] > second - _LONGEST_S]
        for at, number in recent:
            within += number
            while recent[begin][0] <= at - self._window_s:
                within -= recent[begin][1]
                begin += 1
            highest = max(highest, within)
        current = sum(number for at, number in recent if at > second - self._window_s)
        pace = Pace(last_at=self._last[name])
        return replace(pace, a_second=current / self._window_s, highest=highest / self._window_s)


def _count(seen: deque[tuple[int, int]], second: int, number: int) -> None:
    """Add so many in a second, which is the newest or a new one."""
    if seen and seen[-1][0] == second:
        seen[-1] = second, seen[-1][1] + number
    else:
        seen.append((second, number))
