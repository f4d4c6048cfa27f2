"""
Names and dates that a PACS tells otherwise than before: a correction, or values that it tells in turn (K7,
K9).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ..dicom.attributes import FoundStudy
from ..instants import iso
from ..json_messages.documents import camel
from ..receive.image_origin import patient_key
from ..study.history import Note
from ..study.pacs_attributes import Correction, StudyNames
from ..study.study import PacsCopy, Study

STANDS = timedelta(hours=24)
"""
A value that comes back within this time is told in turn with another; people who correct a correction take
longer or once.
"""
MAX_EARLIER = 4
"""
So many earlier values of a name are kept. A name that was corrected as often is told in turn from then on:
some PACS put the time of the question, or a number of the answer, into it.
"""


def take_names(study: Study, found: FoundStudy, now: int) -> bool:
    """
    Take the names that a PACS tells; whether anything is to be written.

    A correction is noted, and taken over where ours was this PACS's old word. Two PACS that always told
    differently correct nothing. A value that comes back soon is told in turn with the other (by two nodes of
    an archive, say): that is noted once, and what we have stays.

    Args:
        study: Changed in place; this PACS has a copy of it.
        found: The answer.
        now: Epoch milliseconds.
    """
    copy = study.pacs[found.pacs]
    told, before = StudyNames.of(found), copy.told or _assumed(study)
    in_turn = [one for one in told.corrections_of(before) if _told_in_turn(copy, one, now)]
    noted = [one.name for one in in_turn if _note_in_turn(study, found.pacs, one, now)]
    settled = replace(told, **{one.name: one.old for one in in_turn})
    return _take_settled(study, found.pacs, settled, before, now) or bool(noted)


def _take_settled(study: Study, pacs: str, settled: StudyNames, before: StudyNames, now: int) -> bool:
    """Take what is not told in turn with something else; whether that is news."""
    now_told = settled.told_over(before)
    if now_told == before:
        return False
    for one in settled.corrections_of(before):
        _correct(study, pacs, one, now)
    study.pacs[pacs].told = now_told
    return True


def _assumed(study: Study) -> StudyNames:
    """
    Before a PACS's own words were kept, the document of a study that only one PACS has was in its words.
    """
    return StudyNames.of(study) if len(study.pacs) == 1 and not study.is_push else StudyNames()


def _told_in_turn(copy: PacsCopy, one: Correction, now: int) -> bool:
    """
    Whether the new value is an earlier one, or one of many, and the value that it would replace has not stood
    long.
    """
    earlier = copy.earlier.get(camel(one.name), [])
    if one.new not in earlier and len(earlier) < MAX_EARLIER:
        return False
    return copy.corrected_at > iso(now - STANDS // timedelta(milliseconds=1))


def _note_in_turn(study: Study, pacs: str, one: Correction, now: int) -> bool:
    copy = study.pacs[pacs]
    if one.name in copy.in_turn:
        return False
    copy.in_turn = [*copy.in_turn, one.name]
    study.note(
        Note.TOLD_IN_TURN, f"{pacs}: {camel(one.name)} {one.old} and {one.new}; {one.old} is kept", now
    )
    return True


def _correct(study: Study, pacs: str, one: Correction, now: int) -> None:
    copy, name = study.pacs[pacs], camel(one.name)
    study.note(Note.CORRECTED, f"{pacs}: {name} {one.old} -> {one.new}{_after_hand_over(study, one)}", now)
    copy.earlier = {**copy.earlier, name: [*copy.earlier.get(name, []), one.old][-MAX_EARLIER:]}
    copy.corrected_at = iso(now)
    _take_over(study, one)


def _after_hand_over(study: Study, one: Correction) -> str:
    """That the AI has the study under another patient than the PACS, until its next pull; else empty."""
    last = study.last_handover
    if one.name != "patient_id" or last is None or not last.patient_id:
        return ""
    if patient_key(last.patient_id) == patient_key(one.new):
        return ""
    return f"; handed over under {last.patient_id}, until its next pull"


def _take_over(study: Study, one: Correction) -> None:
    """Where ours is this PACS's old word."""
    if getattr(study, one.name) == one.old:
        setattr(study, one.name, one.new)
