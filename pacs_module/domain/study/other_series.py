"""
The series beside those to compute that a destination wants ("wanted series", "whole study").

They are pulled when the backend's own are here, as a pull like any other, and handed over to their
destinations alone. The backend never hears of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from .handover import HandOver
from .lifecycle import Event, State

ASKED_FROM = (State.PULL_DATA_END, State.COMPLETED, State.UNSUPPORTED_SERIES, State.DEAD_LETTER)
"""States from which they are pulled: nothing is to be pulled for the backend."""
BEFORE_OTHER_SERIES = (Event.GREW, Event.MANUAL, Event.FILES_LOST, Event.UPLOAD_FILES_LOST)
"""What has a study pulled for the backend first."""


@dataclass(frozen=True)
class OtherSeries:
    """
    What one destination wants beside the series to compute.

    Args:
        destination: Its name.
        passed_only: Only series that pass the filter; else all that the PACS has.
        begun: The pull that is due, or runs, is for them.
        over: How it ended, in words; empty: it is still to be done.
        failed: It ended without them.
        series: Only these, which it had and has lost; empty: all others than it has.
    """

    destination: str
    passed_only: bool = False
    begun: bool = False
    over: str = ""
    failed: bool = False
    series: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return not self.over


def next_of(wishes: Iterable[OtherSeries]) -> list[OtherSeries]:
    """Those that one pull serves: of one kind, the smallest first."""
    waiting = sorted((one for one in wishes if one.open), key=_kind)
    return [one for one in waiting if _kind(one) == _kind(waiting[0])]


def _kind(one: OtherSeries) -> tuple[bool, bool, tuple[str, ...]]:
    return not one.series, not one.passed_only, one.series


def wished(wishes: Iterable[OtherSeries], new: OtherSeries) -> list[OtherSeries]:
    """
    The wishes with a new one in the place of the same destination's last one; one for all others stays, with
    what was lost in it.
    """
    former = next((one for one in wishes if one.destination == new.destination), None)
    if new.series and former is not None and not former.series:
        new = OtherSeries(new.destination, former.passed_only)
    return [*(one for one in wishes if one.destination != new.destination), new]


def ended(
    wishes: Iterable[OtherSeries], destinations: Collection[str], why: str, failed: bool = False
) -> list[OtherSeries]:
    """The wishes, with those of these destinations over."""
    return [
        replace(one, begun=False, over=why, failed=failed) if one.destination in destinations else one
        for one in wishes
    ]


def renewed(wishes: Iterable[OtherSeries], destinations: Collection[str]) -> list[OtherSeries]:
    """The wishes, with those of these destinations still to be done."""
    return [
        replace(one, begun=False, over="", failed=False) if one.destination in destinations else one
        for one in wishes
    ]


def images_of(handovers: Iterable[HandOver], uploaded: frozenset[str]) -> dict[str, int]:
    """
    Images by SeriesInstanceUID in the hand-overs with these ids.

    A hand-over that does not tell a series' images counts for none of them: it is pulled again.
    """
    counts: dict[str, int] = {}
    for item in handovers:
        if item.handover_id not in uploaded:
            continue
        for told in item.message.get("series", ()):
            uid, number = told.get("seriesUID", ""), told.get("numberReceived", 0)
            counts[uid] = max(counts.get(uid, 0), number if isinstance(number, int) else 0)
    return counts
