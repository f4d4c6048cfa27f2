"""
A study as one row of a list: what people search, filter and sort by, and the instants of its way.

A store keeps the rows beside the documents, so that a list of many studies reads no document. What a filter
and an order mean is said here; every store answers alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..dicom.device import devices_of_study, in_full
from ..dicom.text_repair import readable
from ..json_messages.documents import from_document, to_document
from ..study.history import HistoryEntry
from ..study.study import SeriesRecord, Study
from .series_story import Standing, standing_of

LAYOUT = 2
"""Counted up when a row says more than before: rows of an earlier layout are written anew."""


@dataclass(frozen=True)
class StudyRow:
    """
    One study. ``day`` is StudyDate (YYYY-MM-DD), ``time`` StudyTime; ``state`` is empty when it is not
    wanted.

    The instants of its way are ISO 8601 UTC, empty while they have not come: ``image_at`` is when a find last
    saw it grow, ``pulled_at`` the end of its newest pull, then hand-over, acceptance by the backend, result.
    """

    study_uid: str
    day: str = ""
    time: str = ""
    accession_number: str = ""
    patient_id: str = ""
    description: str = ""
    modality: tuple[str, ...] = ()
    pacs: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    state: str = ""
    priority: int = 0
    why: str = ""
    images: int | None = None
    handed_over: int = 0
    """Series that were handed over."""
    filtered: int = 0
    """Series that a rule dropped."""
    first_seen_at: str = ""
    changed_at: str = ""
    image_at: str = ""
    pulled_at: str = ""
    handed_over_at: str = ""
    delivered_at: str = ""
    result_at: str = ""

    @property
    def search(self) -> str:
        """All that free text is looked for in, lower case."""
        told = (self.accession_number, self.patient_id, self.study_uid, self.description, self.why)
        return " ".join((*told, *self.modality, *self.pacs, *self.device)).lower()


@dataclass(frozen=True)
class RowVerdict:
    """What was judged of one series: the value that decided, and what became of the series."""

    series_uid: str
    standing: str
    rule: str
    attribute: str
    value: str
    modality: str = ""
    description: str = ""


@dataclass(frozen=True)
class JudgedAlike:
    """The series of one study that were judged alike: what became of them, by which value, and how many."""

    standing: str
    rule: str
    attribute: str
    value: str
    modality: str = ""
    device: str = ""
    series: int = 1


MOST_EXAMPLES = 5


@dataclass(frozen=True)
class JudgedOfDay:
    """
    The series of one day that were judged alike.

    ``studies``: so many studies told this value here first; a study whose series of one value are of two
    devices counts once, so that the numbers of one value can be added. ``examples``: the first of these
    studies.
    """

    standing: str
    rule: str
    attribute: str
    value: str
    modality: str
    device: str
    series: int
    studies: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Act:
    """Something that a person did with a study: when (ISO 8601 UTC), who, what, why."""

    at: str
    by: str
    what: str
    why: str
    study_uid: str = ""


@dataclass(frozen=True)
class RowFilter:
    """
    Which studies; what is empty or None asks for nothing.

    ``state``: "" any, "none": not wanted. ``text``: every word of it stands somewhere in the row, case
    ignored. ``first_day`` and ``last_day``: YYYY-MM-DD, both included.
    """

    state: str = ""
    first_day: str = ""
    last_day: str = ""
    accession_number: str = ""
    patient_id: str = ""
    study_uid: str = ""
    modality: str = ""
    pacs: str = ""
    device: str = ""
    priority: int | None = None
    text: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the free text, lower case."""
        return tuple(self.text.lower().split())


NOT_WANTED = "none"
"""In a filter: the studies without a state."""


class RowOrder(StrEnum):
    """How a list is sorted; studies that are equal in it follow their UID."""

    NEWEST = "newest"
    """By study date and time, the newest first."""
    OLDEST = "oldest"
    """By study date and time, the oldest first: what has waited longest."""
    CHANGED = "changed"
    """By the last change, the newest first."""
    ACCESSION = "accession"
    PATIENT = "patient"

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return self in (RowOrder.NEWEST, RowOrder.CHANGED)


def sort_key(row: StudyRow, order: RowOrder) -> str:
    """What a row is sorted by."""
    if order in (RowOrder.NEWEST, RowOrder.OLDEST):
        return f"{row.day} {row.time}"
    if order is RowOrder.CHANGED:
        return row.changed_at
    return row.accession_number if order is RowOrder.ACCESSION else row.patient_id


@dataclass(frozen=True)
class Place:
    """Where a page ends: the next one begins after this sort key and UID."""

    key: str
    study_uid: str


def row_matches(row: StudyRow, wanted: RowFilter) -> bool:
    """Whether a row is asked for."""
    return _equals(row, wanted) and _within(row, wanted) and all(word in row.search for word in wanted.words)


def _equals(row: StudyRow, wanted: RowFilter) -> bool:
    """Whether each value that is asked for is the row's, or among the row's."""
    state = "" if wanted.state == NOT_WANTED else wanted.state
    equal = (
        (wanted.state, state == row.state),
        (wanted.accession_number, wanted.accession_number == row.accession_number),
        (wanted.patient_id, wanted.patient_id == row.patient_id),
        (wanted.study_uid, wanted.study_uid == row.study_uid),
        (wanted.modality, wanted.modality in row.modality),
        (wanted.pacs, wanted.pacs in row.pacs),
        (wanted.device, wanted.device in row.device),
        (wanted.priority is not None, wanted.priority == row.priority),
    )
    return all(holds for asked, holds in equal if asked)


def _within(row: StudyRow, wanted: RowFilter) -> bool:
    after = not wanted.first_day or row.day >= wanted.first_day
    return after and (not wanted.last_day or row.day <= wanted.last_day)


def row_of(study: Study) -> StudyRow:
    """The row of a study."""
    standings = [standing_of(record) for record in study.series.values()]
    last = study.last_handover
    return StudyRow(
        study_uid=study.study_uid,
        day=study.study_date,
        time=study.study_time,
        accession_number=study.accession_number,
        patient_id=study.patient_id,
        description=readable(study.study_description),
        modality=tuple(study.modality),
        pacs=tuple(sorted(study.pacs)),
        device=devices_of_study((record.modality, record.device) for record in study.series.values()),
        state=study.state.value if study.state else "",
        priority=study.priority,
        why=study.why,
        images=study.count,
        handed_over=standings.count(Standing.HANDED_OVER),
        filtered=standings.count(Standing.FILTERED),
        first_seen_at=study.first_seen_at,
        changed_at=study.changed_at,
        image_at=study.counts[-1].at if study.counts else "",
        pulled_at=study.pull.ended_at if study.pull else "",
        handed_over_at=last.received_at if last else "",
        delivered_at=last.accepted_at if last else "",
        result_at=last.result_at if last else "",
    )


def verdicts_of(study: Study) -> tuple[RowVerdict, ...]:
    """What was judged of each of its series."""
    return tuple(_verdict(record) for record in study.series.values())


def judged_alike(study: Study) -> tuple[JudgedAlike, ...]:
    """
    The verdicts on its series, counted: a list over many days reads these, a tenth of the verdicts' size.

    The device of a series that told none is the study's, where that has one only.
    """
    full, only = _devices_in_full(study)
    found = Counter(_alike(record, full.get(record.device, only)) for record in study.series.values())
    return tuple(replace(one, series=number) for one, number in found.items())


def _alike(record: SeriesRecord, device: str) -> JudgedAlike:
    told = _verdict(record)
    return JudgedAlike(told.standing, told.rule, told.attribute, told.value, told.modality, device)


def _devices_in_full(study: Study) -> tuple[dict[str, str], str]:
    """By what a series told the device in full, and the study's device where it has one only."""
    full = in_full({record.device for record in study.series.values() if record.device})
    devices = set(full.values())
    return full, devices.pop() if len(devices) == 1 else ""


def judged_of_day(studies: Iterable[tuple[str, Iterable[Sequence[Any]]]]) -> tuple[JudgedOfDay, ...]:
    """
    What was judged of a day's studies, counted.

    Args:
        studies: StudyInstanceUID of each, and what :func:`packed` made of its verdicts.
    """
    found: dict[tuple[Any, ...], list[Any]] = {}
    for uid, judged in studies:
        told: set[tuple[Any, ...]] = set()
        for *key, series in judged:
            group = found.setdefault(tuple(key), [0, 0, []])
            group[0] += series
            value = tuple(key[:4])
            if value not in told:
                told.add(value)
                group[1] += 1
                if len(group[2]) < MOST_EXAMPLES:
                    group[2].append(uid)
    return tuple(_counted(key, *group) for key, group in found.items())


def _counted(key: tuple[Any, ...], series: int, studies: int, examples: list[str]) -> JudgedOfDay:
    standing, rule, attribute, value, modality, device = key
    return JudgedOfDay(standing, rule, attribute, value, modality, device, series, studies, tuple(examples))


def _verdict(record: SeriesRecord) -> RowVerdict:
    verdict = record.verdict
    attribute, value = (verdict.attribute, verdict.value) if verdict else _split(record.because)
    return RowVerdict(
        record.series_uid,
        standing_of(record).value,
        record.rule,
        attribute,
        readable(value),
        record.modality,
        readable(record.series_description),
    )


def _split(because: str) -> tuple[str, str]:
    """A record of an earlier version has the words of the log only: attribute, blank, value."""
    attribute, _, value = because.partition(" ")
    return attribute, value


PEOPLE = ("manual: ", "reconcile: ")
"""What stands in front of a person's name in a history."""


def acts_of(study: Study) -> tuple[Act, ...]:
    """What people did with a study."""
    return tuple(_act(study.study_uid, entry) for entry in study.history if entry.by.startswith(PEOPLE))


def _act(study_uid: str, entry: HistoryEntry) -> Act:
    return Act(entry.at, entry.by, entry.event, entry.why, study_uid)


def listed(study: Study) -> dict[str, Any]:
    """
    All that a store keeps of a study for lists.

    Returns:
        ``row`` and ``acts`` as documents, ``judged`` as rows of values (see :func:`packed`), the ``layout``
        they are written in, and two texts to ask for: ``newest``, what :attr:`RowOrder.NEWEST` sorts by, and
        ``search``.
    """
    row = row_of(study)
    return {
        "layout": LAYOUT,
        "row": to_document(row),
        "newest": sort_key(row, RowOrder.NEWEST),
        "search": row.search,
        "judged": packed(judged_alike(study)),
        "acts": to_document(acts_of(study)),
    }


def read_row(document: dict[str, Any]) -> StudyRow:
    """A row from its document."""
    return from_document(StudyRow, document)


def upload_state(document: Mapping[str, Any]) -> tuple[str, str]:
    """Destination and state of an upload, from its document."""
    return str(document["destination"]), str(document["state"])


def packed(judged: Iterable[JudgedAlike]) -> list[list[Any]]:
    """As rows of values in the order of :class:`JudgedAlike`: tens of thousands are read for one page."""
    return [list(vars(one).values()) for one in judged]


def read_acts(documents: Iterable[dict[str, Any]]) -> tuple[Act, ...]:
    """What people did, from its documents."""
    return tuple(from_document(Act, one) for one in documents)


def cleaned(wanted: RowFilter) -> RowFilter:
    """A filter whose texts are as a store keeps texts: a lone surrogate is written out."""
    texts = {name: _clean(value) for name, value in vars(wanted).items() if isinstance(value, str)}
    return replace(wanted, **texts)  # type: ignore[arg-type]


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
