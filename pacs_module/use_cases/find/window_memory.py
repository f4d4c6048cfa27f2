"""What is remembered of how the days of a PACS were asked for, and when a doubtful list is controlled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from ...domain.dicom.attributes import FoundStudy
from ...domain.find.caps import SMALLEST_CAP
from ...domain.find.windows import Window, equal_parts

T = TypeVar("T")

MOST_DAYS = 40
SPLIT_AGAIN = 10
"""Every tenth round the split is recomputed: names that begin otherwise than all before are found then."""
CONTROL_AGAIN = 60
"""
A list that stays at its greatest length is controlled when it stays for the first time, and every sixtieth
time after; one of less than ten at the third, the tenth and every sixtieth time. An empty one is controlled
at first, at the tenth time, and every sixtieth time.
"""
SHORT_STAYS = 3
"""Finds of one length: the list of a day that has just begun grows with each."""
CONTROL_PARTS = 8
"""Of an empty day at a PACS that has given long lists: its half may be too long for it, too."""
SMALL_PARTS = 96
"""Quarters of an hour."""


class Control(StrEnum):
    """How a list that may be cut is controlled now."""

    NOT_DUE = "not due"
    BY_TIME = "by its time alone"
    BY_ANY_KEY = "by any key"


@dataclass
class WindowMemory:
    """How the days of one PACS were asked for: the parts of each, and how long its list was. A cache."""

    strikes: Counter[str] = field(default_factory=Counter)
    parts: dict[Window, tuple[Window, ...]] = field(default_factory=dict)
    rounds: Counter[Window] = field(default_factory=Counter)
    stays: dict[Window, tuple[int, int]] = field(default_factory=dict)
    """Length of a window's list, and how many times it has been that in a row."""
    whole: dict[Window, int] = field(default_factory=dict)
    """The length of a short list of which a control has proved that it is whole."""
    held: dict[Window, int] = field(default_factory=dict)
    """The greatest number of studies that a day has had."""
    empty: dict[Window, int] = field(default_factory=dict)
    """How many times in a row a day was empty."""
    empty_lies: bool = False
    """A day's list was empty, and a part of it was not."""
    quiet: set[Window] = field(default_factory=set)
    """Parts of such days that were empty in small pieces as well, since they are empty."""
    alone: dict[Window, str] = field(default_factory=dict)
    """The StudyTime of each day whose list is of one study."""

    def parts_of(self, window: Window) -> tuple[Window, ...]:
        """The parts a window is asked for in: those of the last split, at times the whole."""
        self.rounds[window] += window.whole_day
        anew = self.rounds[window] % SPLIT_AGAIN == 0 and not self.empty_lies
        return (window,) if anew else self.parts.get(window, (window,))

    def remember(self, window: Window, leaves: Sequence[Window]) -> None:
        """Keep how a whole day was split; short windows differ each time and are not worth it."""
        self.parts.pop(window, None)
        if leaves and window.whole_day:
            self.parts[window] = tuple(leaves)
        _keep_newest(self.parts)
        for gone in self.rounds.keys() - self.parts.keys() - {window}:
            del self.rounds[gone]

    def take_held(self, window: Window, studies: int) -> None:
        """Keep how many studies a day has had."""
        if not window.whole_day or not studies:
            return
        self.empty.pop(window, None)
        self.held[window] = max(studies, self.held.pop(window, 0))
        _keep_newest(self.held)

    def take_alone(self, window: Window, studies: Sequence[FoundStudy]) -> None:
        """Keep the time of a day's only study."""
        self.alone.pop(window, None)
        if window.whole_day and len(studies) == 1:
            self.alone[window] = studies[0].study_time
        _keep_newest(self.alone)

    def is_filled_in(self, window: Window, time: str) -> bool:
        """
        Whether a time stands for any: it is that of another day's only study, too. What is before and after
        such a time says nothing of what else a day has.
        """
        return any(one == time for day, one in self.alone.items() if day != window)

    def take_empty(self, window: Window) -> int:
        """Count an empty list; returns how many times in a row the day is empty."""
        times = self.empty.pop(window, 0) + 1
        self.empty[window] = times
        _keep_newest(self.empty)
        return times

    def controls_of(self, window: Window, times: int, busy: bool) -> tuple[Window, ...]:
        """
        The parts in which an empty day is asked for again.

        Args:
            window: The day.
            times: How many times in a row it is empty.
            busy: Whether this PACS has given long lists: its empty day is asked for in smaller parts at once.
        """
        if times == 1:
            halves = equal_parts(window, 2)
            known = halves if self.held.get(window) else halves[:1]
            return equal_parts(window, CONTROL_PARTS) if busy else known
        if times == CONTROL_AGAIN:
            return equal_parts(window, SMALL_PARTS)
        due = times == SPLIT_AGAIN or times % CONTROL_AGAIN == 0
        return equal_parts(window, CONTROL_PARTS) if due else ()

    def control_due(self, window: Window, length: int) -> Control:
        """
        How a list of the greatest length is controlled now: a day's first long one, and one that stays so; a
        short one by its time when it stays so, and by any key when it has stayed so for some time.
        """
        before, times = self._take_stay(window, length)
        again = times % CONTROL_AGAIN == 0
        if length >= SMALLEST_CAP:
            return Control.BY_ANY_KEY if not before or times == 2 or again else Control.NOT_DUE
        if times == SPLIT_AGAIN or again:
            return Control.BY_ANY_KEY
        return Control.BY_TIME if times == SHORT_STAYS else Control.NOT_DUE

    def _take_stay(self, window: Window, length: int) -> tuple[int, int]:
        """Keep a list's length; returns the length before, and how many times in a row it has this one."""
        before, times = self.stays.get(window, (0, 0))
        times = times + 1 if before == length else 1
        self.stays[window] = (length, times)
        _keep_newest(self.stays)
        return before, times

    def take_proof(self, window: Window, length: int, proved: bool) -> None:
        """Keep whether a control has proved that a short list is whole."""
        self.whole.pop(window, None)
        if proved:
            self.whole[window] = length
        _keep_newest(self.whole)

    def is_proved(self, window: Window, length: int) -> bool:
        """Whether a day's list of this length is known to be whole."""
        return window.whole_day and self.whole.get(window) == length


def _keep_newest(by_window: dict[Window, T]) -> None:
    """Forget all days but those that were asked for last."""
    for oldest in list(by_window)[:-MOST_DAYS]:
        del by_window[oldest]
