"""Manual pull: a person names a study, and it is next (M8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...domain.dicom.attributes import Attributes, FoundStudy, clean_uid, found_study, unpadded
from ...domain.errors import MessageError, PipelineError
from ...domain.explain import loglines
from ...domain.find.attribute_matching import asks_for_many, judge_answer
from ...domain.find.merging import merged
from ...domain.find.sighting import new_study
from ...domain.json_messages.uid_syntax import checked_uid
from ...domain.rules.switches import Switches
from ...domain.study.lifecycle import Event, State
from ...domain.study.priority import MANUAL
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..find.find_studies import STUDY_KEYS
from ..find.match_answers import Matched, MatchedFinder, untold_of
from ..update_study import update_study
from .manual_work import Who, progress

MOST_ASKED_AFTER = 5
"""
Of so many answers that do not tell the asked keys it is asked once more, at each PACS; a long list of them is
no answer.
"""
NAMES = ("AccessionNumber", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass
class ManualPull:
    """Finds at every PACS and any date, and puts what was found at the head of the queue."""

    store: StudyStore
    finder: MatchedFinder
    clock: Clock
    log: EventLog
    switches: Switches
    pacs: tuple[str, ...]
    with_uid: Callable[[FoundStudy, str], FoundStudy | None] = lambda found, by: None
    """Another way to the UID of a study that a PACS answers without."""

    def __call__(self, asked: Mapping[str, str], by: str, why: str = "") -> dict[str, Any]:
        """
        Find and pull.

        An AccessionNumber that no PACS knows is asked for once more as a PatientID.

        Args:
            asked: One or more of :data:`NAMES`; a SeriesInstanceUID skips the filter for that series.
            by: Who asked, for the history.
            why: The reason, for the history.

        Returns:
            ``studies`` that were found and put in front (:func:`progress`, and ``pacs`` that have it),
            ``unpullable``: those that no PACS gives a StudyInstanceUID for, ``notMatching`` by PACS: what was
            answered beside the question, in words, and ``errors`` by PACS.

        Raises:
            MessageError: Nothing usable was asked for, or a wildcard.
        """
        wanted = check_asked(asked)
        self.log.line(loglines.manual_find_move(wanted))
        everywhere = self._find_by_any_number(wanted, by)
        if not everywhere.found:
            self.log.line(loglines.MOVE_FAILED)
        series = [wanted["SeriesInstanceUID"]] if "SeriesInstanceUID" in wanted else []
        who = Who(by, why)
        return {
            "studies": [self._put_in_front(copies, series, who) for copies in everywhere.found.values()],
            "unpullable": [_nameless(study) for study in everywhere.without],
            "notMatching": everywhere.beside,
            "errors": everywhere.errors,
        }

    def _find_by_any_number(self, wanted: Mapping[str, str], by: str) -> _Everywhere:
        everywhere = self._find_everywhere(self.pacs, wanted, by)
        if not everywhere.anything and set(wanted) == {"AccessionNumber"}:
            # At some sites people call the number on the patient's card the accession number (operator
            # contract, section 2).
            answered = [name for name in self.pacs if name not in everywhere.errors]
            everywhere.add(self._find_everywhere(answered, {"PatientID": wanted["AccessionNumber"]}, by))
        return everywhere

    def _find_everywhere(self, pacs: Iterable[str], wanted: Mapping[str, str], by: str) -> _Everywhere:
        everywhere = _Everywhere()
        for name in pacs:
            try:
                at_pacs = self._find(name, wanted, by)
            except PipelineError as error:
                everywhere.errors[name] = str(error)
                continue
            everywhere.take(name, at_pacs)
        return everywhere

    def _find(self, pacs: str, wanted: Mapping[str, str], by: str) -> _AtPacs:
        query = {key: value for key, value in wanted.items() if key != "SeriesInstanceUID"}
        series = wanted.get("SeriesInstanceUID")
        if series is not None and not query.keys() & {"StudyInstanceUID", "AccessionNumber"}:
            query["StudyInstanceUID"] = self._study_of(pacs, series)
            if not query["StudyInstanceUID"]:
                return _AtPacs()
        undated = {**query, "StudyDate": ""}
        self.log.line(loglines.find_query(undated))
        matched = self.finder.ask_part(pacs, "STUDY", undated, STUDY_KEYS)
        return self._certain(pacs, query, matched, by)

    def _certain(self, pacs: str, query: Mapping[str, str], matched: Matched, by: str) -> _AtPacs:
        """
        The studies that are certainly those that the person means.

        What is pulled by hand goes before everything else and is computed: an answer that does not say that
        it is the one is asked after, and left alone where the PACS does not prove it.
        """
        at_pacs = _AtPacs()
        unproved = 0
        for answer in matched.answers:
            study = found_study(pacs, answer)
            untold = _untold_but_uid(query, answer)
            if untold and (unproved >= MOST_ASKED_AFTER or not self._is_proved(study, untold)):
                unproved += 1
                continue
            self._take(at_pacs, study, query, by)
        at_pacs.beside = _beside(query, matched, unproved)
        return at_pacs

    def _is_proved(self, study: FoundStudy, untold: Mapping[str, str]) -> bool:
        return bool(study.study_uid) and self._confirms(study, untold)

    def _take(self, at_pacs: _AtPacs, study: FoundStudy, query: Mapping[str, str], by: str) -> None:
        """Keep a study that is certain, with its UID if the PACS tells one."""
        named = study if study.study_uid else self.with_uid(study, by)
        if named is None:
            at_pacs.without.append(study)
        elif named.study_uid == query.get("StudyInstanceUID", named.study_uid):
            at_pacs.studies.append(named)

    def _confirms(self, study: FoundStudy, untold: Mapping[str, str]) -> bool:
        """A PACS that fails here has proved nothing."""
        try:
            return self.finder.confirms(study.pacs, study.study_uid, untold)
        except PipelineError as error:
            words = "a study could not be asked after"
            self.log.event(
                "not_confirmed", words, "WARNING", pacs=study.pacs, studyUID=study.study_uid, error=str(error)
            )
            return False

    def _study_of(self, pacs: str, series_uid: str) -> str:
        """
        Our own documents know most series; not every PACS finds a series without its study (field notes 3).
        """
        known = self.store.with_series(series_uid)
        if known is not None:
            return known.study_uid
        query = {"SeriesInstanceUID": series_uid}
        self.log.line(loglines.find_query(query))
        return owner_of(series_uid, self.finder.find(pacs, "SERIES", query, ("StudyInstanceUID",)))

    def _put_in_front(self, copies: list[FoundStudy], series: list[str], who: Who) -> dict[str, Any]:
        first = copies[0]
        self._insert_new(first)
        study = update_study(self.store, first.study_uid, partial(self._force, copies, series, who))
        assert study is not None, "documents are never deleted"  # noqa: S101
        self.log.line(loglines.manual_pull(first.study_uid, first.study_date))
        return {**progress(study), "studyDate": first.study_date, "pacs": [copy.pacs for copy in copies]}

    def _insert_new(self, found: FoundStudy) -> None:
        if self.store.get(found.study_uid) is None:
            self.store.insert(new_study(found, self.clock.now(), self.switches))

    def _force(self, copies: list[FoundStudy], series: list[str], who: Who, study: Study) -> bool:
        """Have it pulled and computed, whatever was done before."""
        now = self.clock.now()
        for copy in copies:
            study.saw(copy.pacs, copy.count, now)
        _wish(study, series)
        study.apply(Event.MANUAL, _words_of(series, who), now, by=who.by)
        if study.state is State.META_ONLY:
            study.pull_now(now)
        return True


@dataclass
class _AtPacs:
    """
    What one PACS has: ``studies``, those ``without`` a UID, and what it answered ``beside`` the question, in
    words.
    """

    studies: list[FoundStudy] = field(default_factory=list)
    without: list[FoundStudy] = field(default_factory=list)
    beside: str = ""


@dataclass
class _Everywhere:
    """
    What all PACS have: ``found`` by StudyInstanceUID, the rest as in :class:`_AtPacs`, and what went wrong by
    PACS.
    """

    found: dict[str, list[FoundStudy]] = field(default_factory=dict)
    without: list[FoundStudy] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether any PACS knows the study."""
        return bool(self.found or self.without)

    def take(self, pacs: str, at_pacs: _AtPacs) -> None:
        """Add what one PACS has."""
        self.without += at_pacs.without
        self.beside |= {pacs: at_pacs.beside} if at_pacs.beside else {}
        for study in merged(at_pacs.studies):
            self.found.setdefault(study.study_uid, []).append(study)

    def add(self, other: _Everywhere) -> None:
        """Add what another question brought."""
        self.found |= other.found
        self.without += other.without
        for pacs, words in other.beside.items():
            before = self.beside.get(pacs)
            self.beside[pacs] = f"{before}; {words}" if before else words
        self.errors |= other.errors


def _beside(query: Mapping[str, str], matched: Matched, unproved: int) -> str:
    parts = [matched.words] if matched.words else []
    if unproved:
        keys = " and ".join(query)
        parts.append(
            f"{unproved} answers do not tell {keys}, and the PACS did not prove that they are "
            "meant: left alone"
        )
    if matched.cut and (parts or not matched.answers):
        parts.append("the PACS cut its list: what was asked for may be beyond its end")
    return "; ".join(parts)


def owner_of(series_uid: str, answers: Iterable[Attributes]) -> str:
    """
    The study of a series by the answers that name this very series; empty where none does, or where two
    studies are named.
    """
    right = (answer for answer in answers if clean_uid(answer.get("SeriesInstanceUID", "")) == series_uid)
    owners = {clean_uid(answer.get("StudyInstanceUID", "")) for answer in right} - {""}
    return owners.pop() if len(owners) == 1 else ""


def _nameless(study: FoundStudy) -> dict[str, Any]:
    names = {"pacs": study.pacs, "accessionNumber": study.accession_number, "patientID": study.patient_id}
    return {**names, "studyDate": study.study_date, "why": f"{study.pacs} gives it no StudyInstanceUID"}


def check_asked(asked: Mapping[str, str]) -> dict[str, str]:
    """
    What a person named, without what was left empty.

    Raises:
        MessageError: Nothing, a wildcard, a UID that is none, or something that nobody can ask for.
    """
    for name, value in asked.items():
        if name not in NAMES:
            raise MessageError(name, value, f"only {', '.join(NAMES)} can be asked for")
    wanted = _filled(asked)
    if not wanted:
        raise MessageError("AccessionNumber", None, f"one of {', '.join(NAMES)} must be given")
    for name, value in wanted.items():
        _refuse_wildcards(name, value)
        if name.endswith("UID"):
            wanted[name] = checked_uid(name, clean_uid(value))
    return wanted


def _filled(asked: Mapping[str, str]) -> dict[str, str]:
    """In the order of :data:`NAMES`."""
    named = {name: unpadded(asked.get(name, "")) for name in NAMES}
    return {name: value for name, value in named.items() if value}


def _words_of(series: list[str], who: Who) -> str:
    words = f"series {series[0]}" if series else "study"
    return f"{words}: {who.why}" if who.why else words


def _refuse_wildcards(name: str, value: str) -> None:
    if asks_for_many(value):
        raise MessageError(name, value, "one value without the wildcards * and ? and without backslash")


def _wish(study: Study, series: list[str]) -> None:
    """Computed in any case; a series that is named skips the filter."""
    study.priority = MANUAL
    study.skip_filter = sorted({*study.skip_filter, *series})
    study.forced, study.named = True, series


def _untold_but_uid(query: Mapping[str, str], answer: Attributes) -> dict[str, str]:
    untold = untold_of(judge_answer("STUDY", query, answer), query)
    untold.pop("StudyInstanceUID", None)
    return untold
