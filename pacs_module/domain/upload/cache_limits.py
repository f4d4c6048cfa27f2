"""
The limits of the offline cache, each with its own behaviour (E5).

What is not uploaded is never dropped unless the site says so, and then the oldest first, by name. Else what
is handed over waits in the hand-over folder: the RAM disk fills, and nothing new is pulled until there is
room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ..instants import milliseconds


class WhenFull(StrEnum):
    """What happens when a limit is reached."""

    WAIT = "wait"
    """Nothing new is taken in, and it is told."""
    DROP_OLDEST = "drop_oldest"


@dataclass(frozen=True)
class CacheLimits:
    """``files``, ``size`` in bytes and ``age`` of what is kept; each with what happens when it is reached."""

    files: int
    size: int
    age: timedelta | None = None
    when_full: WhenFull = WhenFull.WAIT
    when_old: WhenFull = WhenFull.WAIT


@dataclass(frozen=True)
class Cached:
    """One hand-over in the cache; ``at``: since when, epoch milliseconds."""

    handover_id: str
    study_uid: str
    files: int
    size: int
    at: int


@dataclass(frozen=True)
class Room:
    """Whether something new may come in, what is dropped for it, and why, in words (empty: there is room)."""

    taken: bool
    drop: tuple[Cached, ...] = ()
    why: str = ""


def make_room(limits: CacheLimits, there: Sequence[Cached], files: int, size: int) -> Room:
    """
    Say whether a hand-over of so many files and bytes may come in.

    Args:
        limits: Of the cache.
        there: What is in it.
        files: New ones.
        size: Their bytes.
    """
    if files > limits.files or size > limits.size:
        why = f"{files} files of {size} bytes are more than the whole cache may hold"
        return Room(False, (), why)
    over_files = sum(one.files for one in there) + files - limits.files
    over_size = sum(one.size for one in there) + size - limits.size
    why = _words(limits, over_files, over_size)
    if not why:
        return Room(True)
    if limits.when_full is WhenFull.WAIT:
        return Room(False, (), why)
    drop: list[Cached] = []
    for one in sorted(there, key=lambda cached: (cached.at, cached.handover_id)):
        if over_files <= 0 and over_size <= 0:
            break
        drop.append(one)
        over_files, over_size = over_files - one.files, over_size - one.size
    return Room(True, tuple(drop), why)


def too_old(limits: CacheLimits, there: Sequence[Cached], now: int) -> list[Cached]:
    """What has been kept longer than the site wants, the oldest first."""
    if limits.age is None:
        return []
    latest = now - milliseconds(limits.age)
    return sorted((one for one in there if one.at < latest), key=lambda one: (one.at, one.handover_id))


def _words(limits: CacheLimits, over_files: int, over_size: int) -> str:
    if over_files > 0:
        return f"the cache is full: {limits.files} files"
    return f"the cache is full: {limits.size} bytes" if over_size > 0 else ""
