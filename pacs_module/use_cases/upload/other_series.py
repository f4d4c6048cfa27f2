"""
The series beside those to compute that a destination wants: asked for when nothing is to be pulled for the
backend, and handed over to that destination alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from ...domain.instants import iso, milliseconds
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.lifecycle import BY_HAND, Event
from ...domain.study.message_state import MessageEvent
from ...domain.study.other_series import ASKED_FROM, OtherSeries, ended, images_of, next_of, renewed, wished
from ...domain.study.study import RELEASE, ROUTE, Study
from ...domain.study.uploads import schedule_routing
from ...domain.upload.upload_state import UploadState
from .upload_policy import DestinationPlan

LOOK_AGAIN = timedelta(seconds=30)
"""While the study is pulled for the backend."""


def want(study: Study, plan: DestinationPlan) -> None:
    """A destination gets a hand-over: it is to have the study's other series, too."""
    if plan.wants_more:
        new = OtherSeries(plan.name, plan.passed_only)
        study.other_series = wished(study.other_series, new)


def ask(study: Study, now: int) -> int | None:
    """
    Have the next ones pulled, when nothing is to be pulled for the backend.

    Returns:
        When to look again, epoch milliseconds; None: nothing is waited for.
    """
    waiting = next_of(study.other_series)
    if not waiting or any(one.begun for one in study.other_series):
        return None
    names = {one.destination for one in waiting}
    if study.state in BY_HAND or not study.pacs:
        why = "closed by a person" if study.state in BY_HAND else "no PACS has the study"
        _over(study, names, why, now, failed=True)
        return now
    if study.state not in ASKED_FROM or (study.pull is not None and study.pull.running):
        return now + milliseconds(LOOK_AGAIN)
    study.other_series = [
        replace(one, begun=True) if one.destination in names else one for one in study.other_series
    ]
    study.apply(Event.OTHER_SERIES_WANTED, f"for {', '.join(sorted(names))}", now)
    study.pull_now(now)
    return None


def begun_for(study: Study) -> list[OtherSeries]:
    """What the due pull is for; none: it is for the backend."""
    if study.forced or study.named or study.ahead is not None:
        return []
    return [one for one in study.other_series if one.begun and one.open]


def here_for(study: Study, destinations: Collection[str]) -> dict[str, int]:
    """Images by SeriesInstanceUID that all of these destinations have, or are to get."""
    each = [_here(study, name) for name in destinations]
    common = set.intersection(*(set(one) for one in each)) if each else set()
    return {uid: min(one[uid] for one in each) for uid in common}


def _here(study: Study, destination: str) -> dict[str, int]:
    uploads = (one for one in study.uploads if one.destination == destination)
    ids = frozenset(one.handover_id for one in uploads if one.state is not UploadState.DROPPED)
    return images_of(study.handovers, ids)


def nothing_more(study: Study, destinations: Collection[str], now: int) -> None:
    """The PACS has nothing beside what they have."""
    _over(study, destinations, "nothing more at the PACS", now)


def not_pulled(study: Study, destinations: Collection[str], why: str, now: int) -> None:
    """Every attempt failed."""
    _over(study, destinations, f"not pulled: {why}", now, failed=True)


def handed_over(study: Study, item: HandOver, now: int) -> None:
    """Keep a hand-over that only destinations get; the backend's newest one stays the newest."""
    item.settle(MessageEvent.CANCEL, now)
    study.handovers = [*study.handovers, item]
    _over(study, item.destinations, f"{item.number_received} images handed over, {item.completeness}", now)
    schedule_routing(study, now)
    study.schedule(RELEASE, now)


def files_gone(study: Study, item: HandOver, now: int) -> None:
    """Their files went before they had them: pulled again for them alone."""
    study.other_series = renewed(study.other_series, item.destinations)
    schedule_routing(study, now)


def grown(study: Study, now: int) -> None:
    """The PACS had more, and it was nothing for the backend: it may be something for them."""
    if study.other_series:
        names = [one.destination for one in study.other_series]
        study.other_series = renewed(study.other_series, names)
        study.schedule(ROUTE, now)


def _over(study: Study, destinations: Collection[str], why: str, now: int, failed: bool = False) -> None:
    study.other_series = ended(study.other_series, destinations, f"{why} ({iso(now)})", failed)
    study.note(Note.OTHER_SERIES, f"{', '.join(sorted(destinations))}: {why}", now)
    study.schedule(ROUTE, now)
