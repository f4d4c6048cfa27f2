"""By which words a patient's studies are known: in documents, in logs, in reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..report_exchange.entry import Entry, EntryState
from ..study.study import PacsCopy, Study
from .pseudonym import Pseudonyms

_NAMES = ("patientID", "accessionNumber")
"""Of what a PACS told before a correction, those that name the patient or the order."""
_LONG = 4
_NUMBERED = re.compile("patient|accession")


@dataclass(frozen=True)
class Traces:
    """
    ``studies``: StudyInstanceUIDs; ``words``: everything that names the patient or leads to a line about him.
    """

    studies: tuple[str, ...]
    words: frozenset[str]


def traces_of(patient_id: str, studies: Sequence[Study], pseudonyms: Pseudonyms) -> Traces:
    """The words of a patient and of his studies, and their pseudonyms."""
    words = {patient_id}
    for study in studies:
        words.update(_names(study), _ids(study))
    named = {word for word in words if word}
    hidden = {pseudonyms.of(word) for word in named}
    return Traces(tuple(study.study_uid for study in studies), frozenset(named | hidden))


def names_patient(entry: Entry, words: frozenset[str]) -> bool:
    """
    Whether a report or quality record is of the patient: a short number counts only where a PatientID or an
    AccessionNumber stands.
    """
    named = [(key, text) for key, text in _texts(entry.body) if text in words]
    return any(len(text) >= _LONG or _NUMBERED.search(key.lower()) for key, text in named)


def is_unsent(entry: Entry) -> bool:
    """Whether the other side does not have it yet."""
    return entry.state is not EntryState.SENT


def _names(study: Study) -> Iterator[str]:
    yield study.patient_id
    yield study.accession_number
    for copy in study.pacs.values():
        yield from _told(copy)


def _told(copy: PacsCopy) -> Iterator[str]:
    for name in _NAMES:
        yield from copy.earlier.get(name, [])
    if copy.told is not None:
        yield copy.told.patient_id
        yield copy.told.accession_number


def _ids(study: Study) -> Iterator[str]:
    """UIDs, and the ids under which its pulls and hand-overs stand in the logs."""
    yield study.study_uid
    yield study.pseudonym_uid or ""
    yield from study.series_uids
    yield from study.notified
    for item in study.handovers:
        yield item.handover_id
    for pull in (*study.pulls, *((study.pull,) if study.pull else ())):
        yield pull.request.pull_id


def _texts(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a body with the key that it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str):
        yield key, value
