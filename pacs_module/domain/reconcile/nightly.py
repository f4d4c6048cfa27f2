"""When the nightly reconciliation runs, and of which days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

MOST_CATCH_UP = 14


@dataclass(frozen=True)
class NightlyPolicy:
    """
    ``at``: hospital time; ``days_back``: so many days before today are compared.

    A night on which a PACS did not answer is tried again after ``pause``, ``tries`` times in all.
    """

    at: time = time(3, 0)
    days_back: int = 1
    tries: int = 4
    pause: timedelta = timedelta(hours=1)


def due_night(now: datetime, at: time, last: date | None, started: datetime) -> date | None:
    """
    Which night's run is to be made now.

    Args:
        now: Hospital time.
        at: When a night's run begins.
        last: The last night that was run, None before the first. One that is still to come was noted by a
            clock that was ahead, and says nothing.
        started: When this process started, hospital time: at a new site no night from before it is made up
            for.

    Returns:
        Today's date, or None when today's run is not due or was made.
    """
    begins = datetime.combine(now.date(), at)
    if now < begins or last == now.date() or (last is None and started > begins):
        return None
    return now.date()


def days_of(night: date, last: date | None, days_back: int) -> list[date]:
    """
    The days that a night's run compares, oldest first: the usual ones, and those of nights that were missed.
    """
    back = days_back if last is None else max(days_back, min((night - last).days, MOST_CATCH_UP))
    return [night - timedelta(days=number) for number in range(back, 0, -1)]
