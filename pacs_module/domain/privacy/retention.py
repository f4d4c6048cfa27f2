"""
Which studies may be removed: those with nothing in flight, whose last change is old enough, and that no find
would bring back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from ..reconcile.nightly import MOST_CATCH_UP
from ..study.lifecycle import IN_LINE, State
from ..study.message_state import MessageState
from ..study.study import GROWTH_CHECK, UPLOAD_STUCK, Study


class Hold(StrEnum):
    """Why a study stays."""

    PULL = "it is pulled, or is to be pulled"
    DELIVERY = "the backend's result is awaited"
    DEAD_LETTER = "its delivery was given up: its message waits among the dead letters for a person"
    UPLOAD = "a destination does not have it yet"
    WORK = "something of it is still to be done"
    FOUND = "its day is still found or compared: it would come back"


@dataclass(frozen=True)
class RetentionAges:
    """Days after which something goes; 0: never. ``studies`` bounds all that name patients."""

    studies: int = 0
    headers: int = 0
    reports: int = 0
    ledger: int = 0
    logs: int = 0
    audit: int = 0


def capped(own: int, most: int) -> int:
    """The shorter of two ages in days, where 0 means for ever."""
    return min((days for days in (own, most) if days), default=0)


def in_flight(study: Study) -> Hold | None:
    """Why a study must not be touched now; None: nothing of it is on its way."""
    if study.state in IN_LINE or (study.pull is not None and study.pull.running):
        return Hold.PULL
    if study.state is State.PULL_DATA_END or any(item.open for item in study.handovers):
        return Hold.DELIVERY
    if study.state is State.DEAD_LETTER and any(_is_dead(item.message_state) for item in study.handovers):
        return Hold.DEAD_LETTER
    if any(one.open or one.stuck for one in study.uploads):
        return Hold.UPLOAD
    return Hold.WORK if set(study.due) - {GROWTH_CHECK, UPLOAD_STUCK} else None


def held(study: Study, found_from: str) -> Hold | None:
    """
    Why a study whose age is over stays all the same; None: it may go.

    Args:
        study: As it is stored.
        found_from: The first day (YYYY-MM-DD) that finds or the nightly comparison still ask for.
    """
    return in_flight(study) or (Hold.FOUND if study.study_date >= found_from else None)


def found_from(today: date, find_days: Sequence[date], days_back: int) -> str:
    """
    The first day that may still be asked for: by finds, or by the nightly comparison, which makes up for
    nights that were missed.
    """
    compared = today - timedelta(days=max(days_back, MOST_CATCH_UP))
    return min((*find_days, compared)).isoformat()


def _is_dead(state: MessageState) -> bool:
    return state is MessageState.DEAD
