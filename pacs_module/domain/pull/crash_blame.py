"""
Whom the death of the receiving Orthanc is charged to (K8).

An object may end the process that receives it, every time. Without a memory of the deaths the pull that
brings it is repeated for ever, and nothing else is ever received. A death with one pull under way is that
pull's; with several under way it is nobody's yet, and they go on one at a time until each has ended, so that
the next death names the guilty one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_DEATHS = 2
"""Deaths of its own doing charged to one pull, after which it is set aside."""
MAX_DEATHS_UNTOLD = 3
"""
Deaths in which a pull moved, after which it is set aside where nobody told how the process ended: two of them
may have come from outside.
"""
MAX_DEATHS_BESIDE_OTHERS = 5
"""
The same while something that is no pull kills the process as well: an object that is pushed again and again.
"""
SET_ASIDE = "killed Orthanc twice while it was received"
"""The reason of a pull that is set aside, as pacs_module shows it."""
SET_ASIDE_UNTOLD = "each time it was received Orthanc died, and nobody told of what"
"""The same where nobody told how the process ended, and where something else may have killed it, too."""


class Ending(StrEnum):
    """How a process ended that did not end in order."""

    CRASHED = "crashed"
    """By what it did itself: a fault in it, or more memory than there is."""
    KILLED = "killed"
    """From outside: a person, a container's end, the machine's."""
    UNKNOWN = "unknown"
    """Nobody told."""


_OF_A_SIGNAL = 128
"""A shell's exit status of a process that signal n ended is 128 + n."""
_KILL = 9
_FROM_OUTSIDE = frozenset(_OF_A_SIGNAL + number for number in (1, 2, 3, _KILL, 15))
"""By SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM (signal(7))."""


def judge_ending(status: int | None, same_boot: bool, memory: bool) -> Ending:
    """
    Say how a process ended.

    Args:
        status: Its exit status as a shell has it; None: nobody told.
        same_boot: Whether the machine has run since then.
        memory: Whether the kernel has killed for want of memory since the process began, this one perhaps.
    """
    if not same_boot:
        return Ending.KILLED
    if status is None or status <= _OF_A_SIGNAL:
        return Ending.UNKNOWN
    if status == _OF_A_SIGNAL + _KILL and memory:
        return Ending.UNKNOWN
    return Ending.KILLED if status in _FROM_OUTSIDE else Ending.CRASHED


@dataclass(frozen=True)
class Moving:
    """
    A pull whose C-MOVEs ran when the process died.

    Args:
        pull_id: Of the pull.
        deaths: Charged to it before: it moved alone.
        seen: Deaths before in which it moved, alone or not; those from outside are not counted.
    """

    pull_id: str
    deaths: int = 0
    seen: int = 0


@dataclass(frozen=True)
class Charge:
    """
    What a death means for a pull.

    Args:
        pull_id: Of the pull.
        deaths: Charged to it so far, with this one.
        why: Why it is set aside; empty: it is moved again.
    """

    pull_id: str
    deaths: int
    why: str = ""


def charge(
    moving: Sequence[Moving], others: bool = False, ending: Ending = Ending.UNKNOWN
) -> tuple[Charge, ...]:
    """
    Charge a death. One from outside is nobody's; the pulls that moved go on one at a time all the same.

    Args:
        moving: The pulls whose C-MOVEs ran; none: the death came from elsewhere, for instance from an object
            that was pushed.
        others: Whether the process died a short time ago while nothing moved, perhaps of the same sender
            (``by_others``): then a pull is not the only thing that may kill it.
        ending: How the process ended.

    Returns:
        One charge a pull. Those that are not set aside are suspects: to be moved again, each alone.
    """
    if len(moving) != 1 or ending is Ending.KILLED:
        return tuple(Charge(one.pull_id, one.deaths) for one in moving)
    (one,) = moving
    return (Charge(one.pull_id, one.deaths + 1, _why_set_aside(one, others, ending)),)


def _why_set_aside(one: Moving, others: bool, ending: Ending) -> str:
    """Why a pull that moved alone in this death is moved no more; empty: it is."""
    deaths, seen = one.deaths + 1, max(one.seen, one.deaths) + 1
    if others:
        return SET_ASIDE_UNTOLD if deaths >= MAX_DEATHS_BESIDE_OTHERS else ""
    if ending is Ending.CRASHED and deaths >= MAX_DEATHS:
        return SET_ASIDE
    # The place within the study tells nothing: a person may kill the process twice at the same image.
    return SET_ASIDE_UNTOLD if seen >= MAX_DEATHS_UNTOLD else ""


def by_others(unexplained: Sequence[frozenset[str] | None], connected: frozenset[str] | None) -> bool:
    """
    Say whether what killed the process while nothing moved may have killed it this time, too.

    A sender that was not connected in this death did not cause it. Who was connected in a death while nothing
    moved: a pusher, or nobody, when it was killed from outside.

    Args:
        unexplained: Who was connected in each death while nothing moved, of late; None: nobody knows.
        connected: Who was connected in this one.
    """
    return any(senders is None or connected is None or senders & connected for senders in unexplained)


@dataclass(frozen=True)
class Waiting:
    """A pull that may begin: ``number`` in the order of asking, ``suspect`` of a death."""

    pull_id: str
    number: int
    priority: int
    suspect: bool = False


def to_begin(waiting: Sequence[Waiting], moving: int, at_once: int, suspect_moves: bool) -> tuple[str, ...]:
    """
    Say which pulls begin now, urgent ones first, then in the order of asking.

    While there is a suspect one pull moves at a time, suspects first among equals: the next death is then
    charged to the guilty one, and the others of the last death are cleared one by one.

    Args:
        waiting: Pulls that are not moving.
        moving: How many move.
        at_once: How many may.
        suspect_moves: Whether one of those that move is a suspect.
    """
    alone = suspect_moves or any(one.suspect for one in waiting)
    free = (1 if alone else at_once) - moving
    line = sorted(waiting, key=lambda one: (-one.priority, not one.suspect, one.number))
    return tuple(one.pull_id for one in line[: max(free, 0)])
