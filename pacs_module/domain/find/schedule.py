"""Which days are asked for now: a short window often, whole days less often (M1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .windows import Window


@dataclass(frozen=True)
class FindSchedule:
    """
    How often what is asked.

    ``recent``: length of the short window, zero for a PACS that does not honour StudyTime ranges (then each
    round asks for the whole day); ``whole_day`` and ``earlier_days``: pauses between asking for all of today,
    and for each of the days before.
    """

    recent: timedelta = timedelta(0)
    whole_day: timedelta = timedelta(0)
    earlier_days: timedelta = timedelta(minutes=1)


def due_windows(
    days: Sequence[date],
    asked_at: Mapping[date, datetime],
    undecided: Collection[date],
    now: datetime,
    schedule: FindSchedule,
) -> list[Window]:
    """
    The windows to ask for in this round.

    A day with studies whose instances are still being counted is asked for in each round: they wait for their
    second count. One that was asked for later than now was asked for by a clock that was ahead, or before
    summer time ended: it is due.

    Args:
        days: Today and the days before (``crossday``), or fixed dates, in any order; the newest counts as
            today.
        asked_at: When each day was last asked for as a whole.
        undecided: Days with studies that are found and neither stable nor settled.
        now: The hospital's local time.
        schedule: How often.
    """
    windows = []
    newest = max(days, default=None)
    for day in days:
        pause = schedule.whole_day if day == newest else schedule.earlier_days
        last = asked_at.get(day)
        if last is None or not last <= now < last + pause or day in undecided:
            windows.append(Window(day))
        elif day == newest and schedule.recent and day == now.date():
            windows.append(_recent(day, now, schedule.recent))
    return windows


def _recent(day: date, now: datetime, length: timedelta) -> Window:
    since = now - length
    return (
        Window(day)
        if since.date() != day
        else Window(day, since=since.hour * 3600 + since.minute * 60 + since.second)
    )
