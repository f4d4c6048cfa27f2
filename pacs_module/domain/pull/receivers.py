"""
Which receiving Orthanc a pull goes to, where there are several: by where the study is, by health and by room.

Each is a move destination of its own with a RAM disk of its own; one that is away or full gets none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .ram_disk import MB

_STEPS = 10
"""Fill is compared in tenths of the disk: a few images more or less do not decide."""


class Rule(StrEnum):
    """What decided."""

    ONLY_ONE = "there is only one"
    BEFORE = "the study was there before"
    ROOM = "most room"
    LEAST_BUSY = "as much room as others, fewest pulls"
    NONE_THERE = "none answers"
    NONE_HAS_ROOM = "none has room"


@dataclass(frozen=True)
class Receiver:
    """
    One receiving Orthanc as it told itself last; sizes in bytes.

    ``promised``: what its running pulls, and those given to it since, will bring. ``pulls``: how many these
    are. ``away`` and ``full``: why it gets none, in words; empty: it may.
    """

    name: str
    total: int = 0
    free: int = 0
    reserve: int = 0
    promised: int = 0
    pulls: int = 0
    away: str = ""
    full: str = ""

    @property
    def room(self) -> int:
        """What a new pull may take."""
        return max(self.free - self.reserve - self.promised, 0)

    @property
    def filled(self) -> int:
        """How full it will be, in tenths; one that has told nothing yet counts as full."""
        return _STEPS - _STEPS * self.room // self.total if self.total else _STEPS


@dataclass(frozen=True)
class ReceiverChoice:
    """``name`` is empty where none can take it now; ``why`` has the values that decided."""

    name: str
    rule: Rule
    why: str

    @property
    def found(self) -> bool:
        """Whether there is one."""
        return self.rule not in (Rule.NONE_THERE, Rule.NONE_HAS_ROOM)


@dataclass(frozen=True)
class Wanted:
    """
    What is known of the study that is to be pulled.

    Args:
        last: The receiver that had it last; empty: none had it.
        failed: The receiver at which its last pull failed: taken only where no other can.
        too_small: Receivers whose whole disk is smaller than the study, as they said.
    """

    last: str = ""
    failed: str = ""
    too_small: frozenset[str] = frozenset()


def choose_receiver(receivers: Sequence[Receiver], wanted: Wanted) -> ReceiverChoice:
    """
    Choose where a study is pulled to.

    Args:
        receivers: All of them, at least one, in the order of the settings.
        wanted: The study.
    """
    if len(receivers) == 1:
        return ReceiverChoice(receivers[0].name, Rule.ONLY_ONE, "")
    there = [one for one in receivers if not one.away and one.name not in wanted.too_small]
    with_room = [one for one in there if not one.full]
    if not with_room:
        rule = Rule.NONE_HAS_ROOM if there else Rule.NONE_THERE
        return ReceiverChoice("", rule, _why_not(receivers, wanted.too_small))
    return _among(with_room, wanted)


def _among(with_room: Sequence[Receiver], wanted: Wanted) -> ReceiverChoice:
    """The one that had the study last, unless it failed there; else the emptiest."""
    before = [one for one in with_room if one.name == wanted.last != wanted.failed]
    if before:
        # What is half there is not pulled twice, and its journal knows what was handed over.
        return ReceiverChoice(before[0].name, Rule.BEFORE, Rule.BEFORE.value)
    return _emptiest([one for one in with_room if one.name != wanted.failed] or with_room)


def _emptiest(receivers: Sequence[Receiver]) -> ReceiverChoice:
    least = min(one.filled for one in receivers)
    equal = [one for one in receivers if one.filled == least]
    chosen = min(equal, key=lambda one: (one.pulls, -one.room))
    rule = Rule.ROOM if len(equal) == 1 else Rule.LEAST_BUSY
    return ReceiverChoice(chosen.name, rule, f"{rule}: {', '.join(map(_filled_words, receivers))}")


def _filled_words(one: Receiver) -> str:
    return f"{one.name} {one.room // MB} MB, {one.pulls} pulls"


def _why_not(receivers: Sequence[Receiver], too_small: Collection[str]) -> str:
    return "; ".join(f"{one.name}: {_reason(one, too_small)}" for one in receivers)


def _reason(one: Receiver, too_small: Collection[str]) -> str:
    if one.name in too_small:
        return "its RAM disk is smaller than the study"
    return one.away or one.full
