"""
Reconcile: each study of the PACS's list against our document of it; what is not computed gets its cause
(M26).

Nothing is guessed: where a PACS did not answer, or cut its list, the comparison says so instead of calling a
study gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ..dicom.attributes import FoundStudy
from ..explain.story import next_step
from ..find.sighting import unpullable_key
from ..instants import iso
from ..rules.filters import judge_modalities
from ..rules.reasons import grouped
from ..rules.switches import Switches
from ..study.lifecycle import BY_HAND, Event, State
from ..study.study import Study
from .counts import Counts, counts_of
from .report_line import Cause, PacsList, ReportLine, Role, role_of


@dataclass(frozen=True)
class Case:
    """
    One study as both sides know it: ``study`` None when we have no document, ``copies`` one a PACS that lists
    it.
    """

    study: Study | None
    copies: tuple[FoundStudy, ...]


def reconcile(
    lists: Sequence[PacsList], documents: Collection[Study], switches: Switches, now: int
) -> tuple[ReportLine, ...]:
    """
    Compare.

    Args:
        lists: What each PACS answered for each day.
        documents: Ours of these days, and those of every study in the lists.
        switches: What is wanted.
        now: Epoch milliseconds.

    Returns:
        A line for each study in a list, and for each of ours that is in none of them; by date and time.
    """
    known = {study.study_uid: study for study in documents}
    cases = pair(lists, known)
    cases += _unlisted(cases, known.values(), {found.day for found in lists})
    lines = [_line(case, lists, switches, now) for case in cases]
    lines.sort(key=lambda line: (line.study_date, line.study_time, line.study_uid))
    return tuple(_with_the_computed(lines))


def _unlisted(cases: Sequence[Case], ours: Iterable[Study], asked: set[date]) -> list[Case]:
    """Our studies of the days asked for that no PACS lists."""
    met = {case.study.study_uid for case in cases if case.study is not None}
    return [Case(study, ()) for study in ours if study.study_uid not in met and _is_ours(study, asked)]


def pair(lists: Sequence[PacsList], known: Mapping[str, Study]) -> list[Case]:
    """
    Every study of the lists once, with our document of it.

    One without a StudyInstanceUID is looked for under the key that the find gave it, then by what else is
    known of it.
    """
    copies: dict[str, list[FoundStudy]] = {}
    for one in lists:
        for found in one.studies:
            same = copies.setdefault(found.study_uid or _without_uid(found, known), [])
            if all(found.pacs != copy.pacs for copy in same):
                same.append(found)
    return [Case(known.get(uid), tuple(found)) for uid, found in copies.items()]


def _without_uid(found: FoundStudy, known: Mapping[str, Study]) -> str:
    key = unpullable_key(found)
    kept = known.get(key)
    if kept is not None and kept.state is State.UNPULLABLE:
        return key
    same = [uid for uid, study in known.items() if _is_the_same(found, study) and uid != key]
    return same[0] if len(same) == 1 else key


def _is_the_same(found: FoundStudy, study: Study) -> bool:
    """By all that is known of a study beside its UID."""
    return (
        found.accession_number == study.accession_number
        and found.patient_id == study.patient_id
        and found.study_date == study.study_date
        and found.study_time == study.study_time
    )


def _is_ours(study: Study, asked: Collection[date]) -> bool:
    """Whether a study that is in no list is worth a line: wanted, and of one of the days."""
    return study.state is not None and study.study_date in {day.isoformat() for day in asked}


def _line(case: Case, lists: Sequence[PacsList], switches: Switches, now: int) -> ReportLine:
    study, copies = case.study, case.copies
    counts, notes = counts_of(study, copies), _clashes(case)
    cause, why = _cause(case, counts, switches, now)
    if not copies and study is not None:
        unlisted = _why_unlisted(study, lists)
        if unlisted:
            notes.append(unlisted)
        else:
            cause, why = Cause.GONE, f"seen there before, in no list now{_moved(study)}; {_standing(study)}"
    line = _line_of(case, cause, why)
    return replace(line, counts=counts, notes=tuple(notes))


def _line_of(case: Case, cause: Cause, why: str) -> ReportLine:
    study, copies = case.study, case.copies
    day, clock, accession_number, patient_id, description = _names(study, copies)
    return ReportLine(
        study_uid=study.study_uid if study is not None else copies[0].study_uid,
        study_date=day,
        study_time=clock,
        accession_number=accession_number,
        patient_id=patient_id,
        study_description=description,
        modality=_modalities(study, copies),
        pacs=tuple(copy.pacs for copy in copies),
        cause=cause,
        why=why,
        state=study.state.value if study is not None and study.state is not None else "",
        role=role_of(study, copies),
        manual=manual_of(study) if study is not None else "",
    )


def _cause(case: Case, counts: Counts, switches: Switches, now: int) -> tuple[Cause, str]:
    study = case.study
    if study is None:
        return _without_document(case, switches)
    if study.state is None:
        return _unwanted(case, study, switches)
    if study.state in (State.COMPLETED, State.UNSUPPORTED_SERIES):
        return _concluded(study, counts)
    if study.state in BY_HAND:
        cause = Cause.ELSEWHERE if study.state is State.DONE_BY_HAND else Cause.FILTERED
        return cause, f"closed by hand ({study.state.value}): {study.why}"
    if study.state in _SETTLED_BADLY:
        return _SETTLED_BADLY[study.state], study.why
    return Cause.WAITING, _waiting(study, counts, now)


def _concluded(study: Study, counts: Counts) -> tuple[Cause, str]:
    """Computed, or filtered after it was received."""
    assert study.state is not None, "asked before"  # noqa: S101
    if counts.lacking:
        return Cause.SHORT, f"{counts.words}; {study.state.value}"
    if study.state is State.COMPLETED:
        return Cause.COMPUTED, "the result is in"
    if not _has_verdict(study):
        return Cause.NO_VERDICT, f"no verdict on its series is known here; {study.why}"
    return Cause.FILTERED, _reasons(study)


_SETTLED_BADLY = {
    State.PULL_FAILED: Cause.FAILED,
    State.DEAD_LETTER: Cause.DEAD_LETTER,
    State.UNPULLABLE: Cause.UNPULLABLE,
}


def _without_document(case: Case, switches: Switches) -> tuple[Cause, str]:
    modalities = _modalities(None, case.copies)
    verdict = judge_modalities(modalities, switches)
    if not verdict.taken:
        return Cause.NOT_WANTED, verdict.because
    if not any(copy.study_uid for copy in case.copies):
        return (
            Cause.UNPULLABLE,
            f"no find has seen it, and the PACS gives it no StudyInstanceUID; {verdict.because}",
        )
    return Cause.NOT_FOUND, f"no find has seen it; {verdict.because}"


def _unwanted(case: Case, study: Study, switches: Switches) -> tuple[Cause, str]:
    verdict = judge_modalities(_modalities(study, case.copies), switches)
    if verdict.taken:
        return Cause.NOT_FOUND, f"not wanted when it was found ({study.why}); now {verdict.because}"
    return Cause.NOT_WANTED, verdict.because


def _has_verdict(study: Study) -> bool:
    """Whether somebody judged it: the rules its series, the backend its images, or the RIS its order."""
    judged = any(not record.taken for record in study.series.values())
    return judged or study.dropped_by_order or any(item.result for item in study.handovers)


def _reasons(study: Study) -> str:
    """
    Why nothing of it is computed: the backend's words, the verdicts on its series, or what the state says.
    """
    last = study.last_handover
    if last is not None and last.result == "unsupported_series":
        return f"the backend: {last.result_message or 'unsupported_series'}"
    return grouped(record.why_not for record in study.series.values() if not record.taken) or study.why


def _waiting(study: Study, counts: Counts, now: int) -> str:
    """With what: the reason that the state was left with, and what happens next."""
    what, at = next_step(study)
    when = f" at {iso(at)}" if at is not None and at > now else ""
    short = f"; {counts.words}" if counts.lacking else ""
    return f"{study.why}{short}; next: {what}{when}".removeprefix("; ")


def _moved(study: Study) -> str:
    return f", but as {study.moved_to}" if study.moved_to else ""


def _standing(study: Study) -> str:
    return f"{study.state.value if study.state else 'not wanted'} here"


def _why_unlisted(study: Study, lists: Sequence[PacsList]) -> str:
    """Why no list has a study of ours although no PACS has deleted it; empty: it is gone."""
    silent = _silent(study, lists)
    if silent:
        return f"not compared: {', '.join(silent)} did not answer, or not with the whole list"
    return "" if study.pacs else "came without our asking; no PACS lists it"


def _silent(study: Study, lists: Sequence[PacsList]) -> list[str]:
    """
    PACS that had the study and whose list of its day is not whole: of these nobody knows whether they still
    have it.
    """
    return [
        one.pacs
        for one in lists
        if one.pacs in study.pacs and one.day.isoformat() == study.study_date and not one.whole
    ]


def _modalities(study: Study | None, copies: Sequence[FoundStudy]) -> tuple[str, ...]:
    told = [
        *(study.modality if study is not None else ()),
        *(modality for copy in copies for modality in copy.modalities),
    ]
    return tuple(dict.fromkeys(told))


def _names(study: Study | None, copies: Sequence[FoundStudy]) -> list[str]:
    """
    Date, time, numbers and description as the PACS says now; where it says nothing, what our document says.
    """
    names = ("study_date", "study_time", "accession_number", "patient_id", "study_description")
    sources: list[Study | FoundStudy] = [*copies]
    if study is not None:
        sources.append(study)
    return [_first_told(sources, name) for name in names]


def _first_told(sources: Sequence[Study | FoundStudy], name: str) -> str:
    for source in sources:
        if text := getattr(source, name):
            return str(text)
    return ""


def _clashes(case: Case) -> list[str]:
    """
    Names that differ between the PACS, or between a PACS and us: two patients under one number, or a
    correction.
    """
    notes = []
    for label, name in (("PatientID", "patient_id"), ("AccessionNumber", "accession_number")):
        told = {copy.pacs: str(getattr(copy, name)) for copy in case.copies}
        told["here"] = str(getattr(case.study, name)) if case.study is not None else ""
        notes += _difference(f"{label} differs: ", " ", told)
    counts = {copy.pacs: str(copy.count or "") for copy in case.copies}
    return notes + _difference("the PACS differ: ", " at ", counts)


def _difference(words: str, between: str, told: Mapping[str, str]) -> list[str]:
    """A note where two tell something else, by who tells it; an empty text was not told."""
    given = {where: text for where, text in told.items() if text}
    if len(set(given.values())) < 2:
        return []
    return [words + ", ".join(f"{text}{between}{where}" for where, text in given.items())]


MISS, DELAY, AGAIN = "miss", "delay", "again"


def manual_of(study: Study) -> str:
    """
    What the first manual pull of a study says of us.

    Returns:
        ``miss``: no find had brought it, or we had dropped it or given it up; ``delay``: it was found and on
        its way, but a person was faster; ``again``: it had been received before; empty: nobody pulled it by
        hand.
    """
    events = [entry for entry in study.history if entry.tells(Event.MANUAL) and entry.by.startswith("manual")]
    if not events:
        return ""
    first = events[0]
    if first.from_state in (State.COMPLETED, State.PULL_DATA_END, *BY_HAND):
        return AGAIN
    if first.from_state in (
        "",
        State.UNSUPPORTED_SERIES,
        State.PULL_FAILED,
        State.DEAD_LETTER,
        State.UNPULLABLE,
    ):
        return MISS
    return DELAY if study.found_at else MISS


def _with_the_computed(lines: Sequence[ReportLine]) -> list[ReportLine]:
    """
    A dropped reconstruction whose plain sister under the same AccessionNumber is computed is nothing that is
    missing.
    """
    computed = {
        (line.accession_number, line.patient_id): line.study_uid
        for line in lines
        if line.cause is Cause.COMPUTED and line.accession_number
    }
    return [_beside(line, computed.get((line.accession_number, line.patient_id))) for line in lines]


def _beside(line: ReportLine, sister: str | None) -> ReportLine:
    if not sister or line.cause is not Cause.FILTERED or line.role is not Role.RECONSTRUCTION:
        return line
    why = f"computed as {sister}, of the same AccessionNumber; {line.why}"
    return replace(line, cause=Cause.ELSEWHERE, why=why)
