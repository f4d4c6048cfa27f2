"""
Whether a list of answers may have been cut, told by its length and by what the PACS's other lists have taught
(M10, K12).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..dicom.numbers import read_whole
from .learned import MANY_DAYS, LearnedTraits

ROUND = 50
"""Caps in the wild are 100, 200, 500 ...: a multiple of this many answers is worth a second look."""
SMALLEST_CAP = 10
"""
A shorter list is controlled by the time alone, which costs two queries or three: to try letters of names
costs forty. It proves nothing where several days end at one length.
"""


class AnswerList(Protocol):
    """How long a list of answers is, None: nobody knows, and whether the PACS said that it was cut."""

    @property
    def received(self) -> int | None:
        """Number of answers, dropped ones included."""
        ...

    @property
    def cut(self) -> bool:
        """Status A700 ended the list."""
        ...


def is_suspicious(answers: AnswerList, learned: LearnedTraits) -> bool:
    """
    Whether a list may have been cut: the PACS says so, it is as long as a known cap, or its length is a round
    number.

    A PACS that says when it cuts a list needs not be suspected of doing it in silence.
    """
    if answers.cut or answers.received is None:
        return True
    caps = learned.set_caps if learned.says_when_cut else learned.caps
    if any(answers.received >= cap for cap in caps):
        return answers.received > 0
    return answers.received > 0 and answers.received % ROUND == 0 and not learned.says_when_cut


def is_record(answers: AnswerList, learned: LearnedTraits, longest: int) -> bool:
    """
    Whether a list may end at a silent cap of any number: no list of this PACS was ever longer.

    Where its cap is known, or it says when it cuts, there is no such doubt.

    Args:
        answers: The list.
        learned: Of the PACS.
        longest: The longest list before this one.
    """
    if answers.cut or answers.received is None or learned.caps or learned.says_when_cut:
        return False
    return answers.received >= max(longest, SMALLEST_CAP)


def is_short_and_longest(answers: AnswerList, learned: LearnedTraits, longest: int) -> bool:
    """
    Whether a short list may end at a silent cap, of one study too: no list of this PACS was ever longer.

    Args:
        answers: The list.
        learned: Of the PACS.
        longest: The longest list before this one.
    """
    if answers.cut or learned.caps or learned.says_when_cut:
        return False
    return max(longest, 1) <= (answers.received or 0) < SMALLEST_CAP


def is_short_record(answers: AnswerList, learned: LearnedTraits) -> bool:
    """Whether a short list may end at a silent cap: several days are as long, and none is longer."""
    if answers.cut or learned.caps or learned.says_when_cut or len(learned.longest_days) < MANY_DAYS:
        return False
    return 0 < (answers.received or 0) < SMALLEST_CAP and answers.received == learned.longest


def numbers_to_try(told: Sequence[str]) -> tuple[str, ...]:
    """
    Which InstanceNumbers (0020,0013; a required key at IMAGE level, PS3.4 C.6.2.1.4) show that a list of
    images was cut: the one before its first, the first that lacks in it, and the one behind its last.

    Args:
        told: InstanceNumber of each image of the list, as text.
    """
    numbers = {number for text in told if (number := read_whole(text)) is not None and number >= 0}
    if not numbers:
        return ()
    first, last = min(numbers), max(numbers)
    gap = next(number for number in range(first, first + len(numbers) + 1) if number not in numbers)
    return tuple(str(number) for number in sorted({first - 1, gap, last + 1}) if number >= 0)
