"""
What becomes of an image in quarantine, and when there are too many of them.

::

    held -> releasing    a person lets it pass: it is put back into Orthanc
         -> dropped      a person does not want it; its file is removed, its row stays
         -> expired      it was kept longer, or there were more, than the site wants
         -> lost         its file is gone: somebody removed it
    releasing -> released    Orthanc has it again
              -> held        Orthanc does not take it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..state_table import StateTable

DAY_MS = 24 * 3_600_000
MB = 1_000_000


class HeldState(StrEnum):
    """Where an image in quarantine stands."""

    HELD = "held"
    RELEASING = "releasing"
    RELEASED = "released"
    DROPPED = "dropped"
    EXPIRED = "expired"
    LOST = "lost"


class HeldEvent(StrEnum):
    """What moves it on."""

    RELEASE = "release"
    TAKEN = "taken"
    REFUSED = "refused"
    DROP = "drop"
    EXPIRE = "expire"
    LOSE = "lose"


TABLE: Mapping[HeldState, Mapping[HeldEvent, HeldState]] = {
    HeldState.HELD: {
        HeldEvent.RELEASE: HeldState.RELEASING,
        HeldEvent.DROP: HeldState.DROPPED,
        HeldEvent.EXPIRE: HeldState.EXPIRED,
        HeldEvent.LOSE: HeldState.LOST,
    },
    HeldState.RELEASING: {
        HeldEvent.TAKEN: HeldState.RELEASED,
        HeldEvent.REFUSED: HeldState.HELD,
        HeldEvent.LOSE: HeldState.LOST,
    },
    HeldState.RELEASED: {},
    HeldState.DROPPED: {},
    HeldState.EXPIRED: {},
    HeldState.LOST: {},
}
"""Every pair that is allowed; any other is an error."""

WITH_FILE = (HeldState.HELD, HeldState.RELEASING)
OVER = (HeldState.RELEASED, HeldState.DROPPED, HeldState.EXPIRED, HeldState.LOST)
PASSES = (HeldState.RELEASING, HeldState.RELEASED)
"""The same image passes validation from now on."""
STAYS_AWAY = (HeldState.DROPPED,)
"""The same image is not kept a second time."""
PARTITIONS: Mapping[str, Mapping[str, tuple[HeldState, ...]]] = {
    "is its file kept": {"with file": WITH_FILE, "over": OVER},
}
"""Each state is in exactly one group."""

HELD_STATES = StateTable(HeldState, TABLE, "an image that is {state} cannot {event}", __name__, PARTITIONS)


class WhenFull(StrEnum):
    """What happens to a new image when the quarantine is full."""

    DROP_OLDEST = "drop_oldest"
    """The oldest ones make way."""
    DROP_NEW = "drop_new"
    """Its file is not kept; what it was, and why, stands in the list."""
    PASS_ON = "pass_on"  # noqa: S105 - a word
    """It passes on as if it were valid."""


@dataclass(frozen=True)
class QuarantineLimits:
    """How much is kept: files, bytes, milliseconds (0: for ever), and what happens beyond that."""

    files: int
    size: int
    age_ms: int
    when_full: WhenFull


@dataclass(frozen=True)
class Kept:
    """One file in quarantine: the number of its row, since when it is there, and its bytes."""

    number: int
    at: int
    size: int


@dataclass(frozen=True)
class Place:
    """Whether there is a place for a new file, and what has to go for it."""

    fits: bool
    make_way: tuple[Kept, ...] = ()


def place_for(size: int, kept: Sequence[Kept], limits: QuarantineLimits) -> Place:
    """
    Say whether a new file of ``size`` bytes fits, once the oldest ones made way where the site wants that.

    Args:
        size: Of the new one.
        kept: All that are there.
        limits: The site's.
    """
    files, total = len(kept) + 1, sum(one.size for one in kept) + size
    if files <= limits.files and total <= limits.size:
        return Place(True)
    if limits.when_full is not WhenFull.DROP_OLDEST or size > limits.size:
        return Place(False)
    going: list[Kept] = []
    for one in sorted(kept, key=lambda old: (old.at, old.number)):
        if files <= limits.files and total <= limits.size:
            break
        going.append(one)
        files, total = files - 1, total - one.size
    return Place(True, tuple(going))


def too_old(kept: Sequence[Kept], limits: QuarantineLimits, now: int) -> list[Kept]:
    """What was kept for longer than the site wants."""
    if not limits.age_ms:
        return []
    return [one for one in kept if now - one.at > limits.age_ms]
