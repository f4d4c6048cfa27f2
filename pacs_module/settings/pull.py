"""``[pull]``: repeats of pulls."""

from __future__ import annotations

from pydantic import Field

from .section import YEAR_S, Seconds, Section


class PullSettings(Section):
    """Repeats of a pull that failed or came short."""

    attempts: int = Field(default=5, ge=1)
    first_pause_s: Seconds = 30.0
    longest_pause_s: Seconds = 1800.0
    watch_s: Seconds = 15.0
    """How often a running pull is asked after when no report has come."""
    ageing_min: float = Field(default=60.0, gt=0, le=YEAR_S / 60)
    """A study that has waited so long goes with the next class: routine with the green channel; never with emergencies."""
    room_pause_s: Seconds = 5.0
    """How long a pull waits when the RAM disk had no room."""
