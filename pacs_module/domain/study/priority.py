"""
The order of pulls: priority first, then the oldest study (M13), with ageing so that nothing starves.

A study of the day, or from before going live, that has waited long goes with the green channel; waiting never
reaches emergency or manual. Within a class the oldest study comes first, but no study counts as older than a
day more than it has waited: an endless stream of ever older studies cannot keep one back.

``rank``, ``turn`` and ``risesFrom`` are stored beside the study: plain values that do not change while it
waits, so that every store sorts and compares them in the same way, and the order is right at each instant
without anybody counting it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..instants import iso, milliseconds

# Priorities: the contract's numbers, also the RabbitMQ message priority.
ROUTINE, GREEN_CHANNEL, EMERGENCY, MANUAL = 0, 1, 2, 4
BACKLOG = -1
"""Rank of a routine study from before going live."""

HEAD_START = timedelta(days=1)
"""A study found late counts as at most so much older than it has waited."""


@dataclass(frozen=True)
class Ageing:
    """``after``: a study that has waited so long goes with the green channel."""

    after: timedelta = timedelta(minutes=60)

    def since(self, now: int) -> str:
        """Who has waited since then (ISO 8601 UTC) or longer has risen; ``now`` in epoch milliseconds."""
        return iso(now - milliseconds(self.after))


def rank(priority: int, backlog: bool) -> int:
    """A study's class without ageing: its priority, or :data:`BACKLOG`."""
    return BACKLOG if backlog and priority == ROUTINE else priority


def rises_from(rank: int, waits_since_at: str) -> str:
    """Since when a study waits to rise, as far as the green channel; empty for what is there already."""
    return "" if rank >= GREEN_CHANNEL else waits_since_at or "never"  # "never" is later than any date


def turn(study_date: str, study_time: str, waits_since_at: str) -> str:
    """
    What sorts within a class, as text ``YYYY-MM-DD HHMMSS`` and since when it waits: smaller is pulled
    sooner.

    Of studies with one time, or of a PACS that tells none, the one that has waited longest comes first. The
    study's own time is the hospital's and the waiting time UTC; beside a head start of a day the difference
    does not matter.
    """
    taken = f"{study_date} {study_time or '000000'}"
    if not waits_since_at:
        return taken
    earliest = datetime.fromisoformat(waits_since_at) - HEAD_START
    return f"{max(taken, f'{earliest:%Y-%m-%d %H%M%S}')} {waits_since_at}"
