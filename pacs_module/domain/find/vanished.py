"""
Studies that a PACS has no more: counted by the finds that should have brought them, and shown; never deleted
here (M20).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from ..dicom.attributes import FoundStudy
from ..instants import iso
from ..study.history import HistoryEntry, Note
from ..study.lifecycle import Event, State
from ..study.pacs_attributes import StudyNames
from ..study.study import PacsCopy, Study
from .windows import seconds_of

FINDS = 3
LEAST = timedelta(minutes=5)
"""
So many complete finds in a row, over so long: a PACS that is restarted answers shorter lists for minutes.
"""
_BESIDE = timedelta(minutes=30)
"""
A study that was there for longer beside another one is not what that one became. It may take some finds until
a list is believed that lacks a study.
"""


def is_list_believed(others_listed: bool, one_still_there: bool, answers: bool | None) -> bool:
    """
    Whether a list that lacks studies says that they are gone.

    Args:
        others_listed: The list has other studies.
        one_still_there: The PACS answers one of the missing studies when it is asked for by its UID.
        answers: It answers a study of another day; None: nobody asked.
    """
    return not one_still_there and (others_listed or answers is not False)


def expected(study: Study, pacs: str, day: date, in_parts: bool) -> bool:
    """
    Whether a find of all studies of a day at a PACS should bring this one, going by what that PACS itself
    told of it.

    Args:
        study: Known.
        pacs: The PACS.
        day: The day that was asked for.
        in_parts: Asked by ranges of StudyTime: a study without a time is in none of them.
    """
    copy = study.pacs.get(pacs)
    if copy is None or not copy.seen_at or study.state in (None, State.UNPULLABLE):
        return False
    told = copy.told or StudyNames.of(study)
    own_date = told.study_date or study.study_date  # two PACS may file one study under two dates
    on_the_day = own_date == day.isoformat() == study.study_date
    return on_the_day and not (in_parts and seconds_of(told.study_time) is None)


def nameless(study: Study, answers: Collection[FoundStudy]) -> bool:
    """Whether it may be one of the answers that came without a UID."""
    ours = (study.accession_number, study.patient_id)
    return any(
        not found.study_uid and (found.accession_number, found.patient_id) == ours for found in answers
    )


def missed(study: Study, pacs: str, now: int) -> bool:
    """
    One more complete find without it; whether that changed anything. From FINDS on only being gone is
    written.
    """
    copy = study.pacs[pacs]
    if copy.gone_at:
        return False
    since, times = copy.missing_at or iso(now), (copy.missed or 0) + 1
    gone = times >= FINDS and since <= iso(now - LEAST // timedelta(milliseconds=1))
    if times > FINDS and not gone:
        return False
    gone_at = iso(now) if gone else None
    _put(study, pacs, replace(copy, missed=min(times, FINDS), missing_at=since, gone_at=gone_at))
    if gone:
        study.history = _without_coming_and_going(study.history)
        study.note(Note.GONE, f"gone from {pacs} since {since}: not in its complete answers any more", now)
    return True


def _without_coming_and_going(history: list[HistoryEntry]) -> list[HistoryEntry]:
    """Without the last "gone" and "back": what comes and goes for days leaves one pair of lines."""
    if len(history) > 1 and history[-2].tells(Note.GONE) and history[-1].tells(Note.BACK):
        return history[:-2]
    return history


def moved_to(study: Study, pacs: str, answers: Iterable[FoundStudy]) -> list[str]:
    """
    The UIDs of a PACS's answers that have the names of a study which it has no more.

    Args:
        study: Gone from there.
        pacs: The PACS.
        answers: What it has of that day.
    """
    copy = study.pacs[pacs]
    told = copy.told or StudyNames.of(study)
    if not (told.accession_number and told.patient_id):
        return []
    same = [
        found
        for found in answers
        if found.study_uid not in ("", study.study_uid)
        and (found.accession_number, found.patient_id) == (told.accession_number, told.patient_id)
        and (not study.modality or set(found.modalities) & set(study.modality))
        and (found.count == copy.count or None in (found.count, copy.count))
    ]
    return [found.study_uid for found in same]


def appeared_instead(other: Study, study: Study, pacs: str) -> bool:
    """
    Whether a study came when the other one went: one that had been beside it for long is another study.
    """
    missing_at = study.pacs[pacs].missing_at or ""
    if not (missing_at and other.first_seen_at):
        return False
    return datetime.fromisoformat(other.first_seen_at) >= datetime.fromisoformat(missing_at) - _BESIDE


def link_moved(study: Study, other: Study, pacs: str, now: int) -> bool:
    """Note in a study that another UID has its names at the PACS now; whether that is new."""
    if study.moved_to == other.study_uid:
        return False
    study.moved_to = other.study_uid
    why = f"{pacs} has its AccessionNumber and PatientID under {other.study_uid} now"
    study.note(Note.MOVED, why, now)
    return True


def link_moved_from(study: Study, former: str, pacs: str, now: int) -> bool:
    """Note in a study under which UID it was before; whether that is new."""
    if study.moved_from == former:
        return False
    study.moved_from = former
    study.note(Note.MOVED, f"{pacs} had its AccessionNumber and PatientID under {former} before", now)
    return True


def seen_again(study: Study, pacs: str, now: int) -> bool:
    """
    A PACS answers it; whether it had been missing there.

    One that was gone and was given up meanwhile is pulled after all: its attempts had nothing to find.
    """
    copy = study.pacs.get(pacs)
    if copy is None or not (copy.missed or copy.gone_at):
        return False
    _put(study, pacs, replace(copy, missed=None, missing_at=None, gone_at=None))
    study.moved_to = None
    if not copy.gone_at:
        return True
    why = f"back at {pacs}, gone since {copy.missing_at}"
    study.note(Note.BACK, why, now)
    if study.state is State.PULL_FAILED:
        study.apply(Event.GREW, why, now)
        study.attempts, study.sightings = 0, []
    return True


def gone_from(study: Study) -> dict[str, str]:
    """The PACS that have it no more, with the time of the first find without it."""
    return {
        name: copy.missing_at or copy.gone_at for name, copy in sorted(study.pacs.items()) if copy.gone_at
    }


def present_at(study: Study) -> list[str]:
    """The PACS that it is not gone from."""
    return [name for name, copy in sorted(study.pacs.items()) if not copy.gone_at]


def _put(study: Study, pacs: str, copy: PacsCopy) -> None:
    study.pacs = {**study.pacs, pacs: copy}
