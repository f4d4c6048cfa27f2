"""
A study that was asked for at two receiving Orthancs, because the first one did not answer any more.

Both may have pulled it in the end: the same images are computed once, and the document says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..json_messages.notification import Notification
from ..receive.image_origin import patient_key
from .handover import HandOver
from .message_state import MessageState
from .study import Pull, Study

_COUNTS = (
    *(
        state
        for state in MessageState
        if state not in (MessageState.LOST, MessageState.DEAD, MessageState.CANCELLED)
    ),
)
"""What was handed over and is computed, or will be."""


def before_elsewhere(study: Study, receiver: str | None) -> dict[str, Any]:
    """
    What was handed over last, for the pull request; empty where this receiver knows it by itself.

    It does not where another receiver did it, or where it has handed over series for a destination since (the
    last that it knows). Without it what has been computed would be handed over again.

    Args:
        study: With its hand-overs.
        receiver: Who is asked; None: there is only one.
    """
    last = study.last_handover
    if last is None or last.message_state not in _COUNTS:
        return {}
    if study.handovers[-1] is last and receiver in (None, last.receiver):
        return {}
    series = tuple(last.series_uids) or (last.series_uid,)
    return {"before_series": series, "before_instances": last.number_received}


def computed_already(study: Study, read: Notification) -> HandOver | None:
    """
    The hand-over of the same wish by another receiver that has all of these images; None: there is none.

    A PatientID may be corrected between the two pulls: then the later one has the right one.

    Args:
        study: With all its pulls.
        read: The hand-over that has just come.
    """
    same_wish = _pulls_of_one_wish(study, read.pull_id)
    for item in reversed(study.handovers):
        asked_twice = item.pull_id in same_wish and item.pull_id != read.pull_id
        has_all = tuple(item.series_uids) == series_of(read) and item.number_received >= read.number_received
        if not (asked_twice and has_all and item.message_state in _COUNTS):
            continue
        later = same_wish.index(item.pull_id) > same_wish.index(read.pull_id)
        if later or _is_same_patient(item, read):
            return item
    return None


def _is_same_patient(item: HandOver, read: Notification) -> bool:
    """Whether nothing says that it is another one."""
    patient = read.identity.get("PatientID")
    if item.patient_id is None or not isinstance(patient, str):
        return True
    return patient_key(item.patient_id) == patient_key(patient)


def _pulls_of_one_wish(study: Study, pull_id: str) -> tuple[str, ...]:
    """
    The pulls that were asked for one after the other because a receiver was away, this one among them, oldest
    first.
    """
    pulls = [pull for pull in (*study.pulls, study.pull) if pull is not None]
    places = [place for place, pull in enumerate(pulls) if pull.request.pull_id == pull_id]
    if not places:
        return ()
    first, last = _row_of_left(pulls, places[0])
    return tuple(pull.request.pull_id for pull in pulls[first : last + 1])


def _row_of_left(pulls: Sequence[Pull], place: int) -> tuple[int, int]:
    """The first and the last of the pulls in a row around a place of which all but the last were left."""
    first = last = place
    while first > 0 and pulls[first - 1].left:
        first -= 1
    while pulls[last].left and last + 1 < len(pulls):
        last += 1
    return first, last


def series_of(read: Notification) -> tuple[str, ...]:
    """The series of a hand-over, in its order."""
    return tuple(one.series_uid for one in read.series) or (read.series_uid,)
