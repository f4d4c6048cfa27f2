"""
The order of pulls: priority first, then the oldest study (M13), with ageing so that nothing starves.

A study that has waited long goes with the next class above its own: routine with the green channel; what is from before going
live with routine, and later with the green channel. Ageing never reaches emergency or manual. Within a class the oldest study
comes first, but no study counts as older than a day more than it has waited: an endless stream of ever older studies cannot
keep one back.

Both are stored beside the study as ``rank`` and ``turn``, plain values that every store sorts by in the same way. ``rank`` is
counted up by :meth:`pacs_module.use_cases.pull_studies.PullStudies` as time goes by (``aged``, noted in the history).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .study import Study

# Priorities: the contract's numbers, also the RabbitMQ message priority.
ROUTINE, GREEN_CHANNEL, EMERGENCY, MANUAL = 0, 1, 2, 4
BACKLOG = -1
"""Rank of a routine study from before going live."""
MOST_AGED = GREEN_CHANNEL

HEAD_START = timedelta(days=1)
"""A study found late counts as at most so much older than it has waited."""

# The order for a store that sorts by itself: (field, +1 ascending or -1 descending).
PULL_ORDER = (("rank", -1), ("turn", 1), ("studyUID", 1))


@dataclass(frozen=True)
class Ageing:
    """``after``: a study that has waited so long goes with the next class, after twice as long with the one after that."""

    after: timedelta = timedelta(minutes=60)

    def steps(self, waited: timedelta) -> int:
        """How many classes a study has risen after waiting."""
        return max(0, waited // self.after)

    def latest_start(self, steps: int, now: int) -> str:
        """Since when (ISO 8601 UTC) a study must have waited to have risen by so many steps; ``now`` in epoch milliseconds."""
        at = datetime.fromtimestamp(now / 1000, UTC) - steps * self.after
        return at.isoformat(timespec="milliseconds")


def rank(priority: int, backlog: bool, aged: int) -> int:
    """
    The effective priority: what sorts first.

    Args:
        priority: The study's own, or the one that a person gave it.
        backlog: It is from before going live.
        aged: Classes that it has risen by waiting.
    """
    own = BACKLOG if backlog and priority == ROUTINE else priority
    return own if own >= MOST_AGED else min(own + aged, MOST_AGED)


def effective_priority(study: Study, now: int, ageing: Ageing) -> int:
    """The rank that a waiting study has at a time (epoch milliseconds), whether or not it is written down yet."""
    waited = timedelta(0)
    if study.waits_since_at:
        waited = datetime.fromtimestamp(now / 1000, UTC) - datetime.fromisoformat(study.waits_since_at)
    return rank(study.priority, study.backlog, ageing.steps(waited))


def turn(study_date: str, study_time: str, waits_since_at: str) -> str:
    """
    What sorts within a class, as text ``YYYY-MM-DD HHMMSS``: smaller is pulled sooner.

    The study's own time is the hospital's and the waiting time UTC; beside a head start of a day the difference does not matter.
    """
    taken = f"{study_date} {study_time or '000000'}"
    if not waits_since_at:
        return taken
    earliest = datetime.fromisoformat(waits_since_at) - HEAD_START
    return max(taken, f"{earliest:%Y-%m-%d %H%M%S}")


def pull_key(study: Study) -> tuple[int, str, str]:
    """Sort key for the order of :data:`PULL_ORDER`: smaller is pulled sooner."""
    return (-study.rank, study.turn, study.study_uid)
