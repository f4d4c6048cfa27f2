"""Manual pull: a person names a study, and it is next (M8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.dicom.attributes import FoundStudy, clean_uid, found_study, unpadded
from ...domain.errors import MessageError, PipelineError
from ...domain.explain import loglines
from ...domain.find.sighting import new_study
from ...domain.rules.switches import Switches
from ...domain.study.lifecycle import Event, State
from ...domain.study.priority import MANUAL
from ...domain.study.study import Study
from ...ports import Clock, EventLog, PacsFinder, StudyStore
from ..find.find_studies import STUDY_KEYS
from ..update_study import change
from .manual_work import Who, progress

NAMES = ("AccessionNumber", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass
class ManualPull:
    """Finds at every PACS and any date, and puts what was found at the head of the queue."""

    store: StudyStore
    finder: PacsFinder
    clock: Clock
    log: EventLog
    switches: Switches
    pacs: tuple[str, ...]
    with_uid: Callable[[FoundStudy, str], FoundStudy | None] = lambda found, by: None
    """Another way to the UID of a study that a PACS answers without."""

    def __call__(self, asked: Mapping[str, str], by: str, why: str = "") -> dict[str, Any]:
        """
        Find and pull.

        Args:
            asked: One or more of :data:`NAMES`; a SeriesInstanceUID skips the filter for that series.
            by: Who asked, for the history.
            why: The reason, for the history.

        Returns:
            ``studies`` that were found and put in front (:func:`progress`, and ``pacs`` that have it), ``unpullable``: those
            that no PACS gives a StudyInstanceUID for, and ``errors`` by PACS.

        Raises:
            MessageError: Nothing usable was asked for, or a wildcard.
        """
        wanted = check_asked(asked)
        self.log.line(loglines.manual_find_move(wanted))
        found: dict[str, list[FoundStudy]] = {}
        without: list[FoundStudy] = []
        errors: dict[str, str] = {}
        for pacs in self.pacs:
            try:
                answers = self._find(pacs, wanted)
            except PipelineError as error:
                errors[pacs] = str(error)
                continue
            named = {answer: answer if answer.study_uid else self.with_uid(answer, by) for answer in answers}
            without += [answer for answer, study in named.items() if study is None]
            for study in {study.study_uid: study for study in named.values() if study}.values():
                found.setdefault(study.study_uid, []).append(study)
        if not found:
            self.log.line(loglines.MOVE_FAILED)
        series = wanted.get("SeriesInstanceUID")
        asking = Who(by, why)
        studies = [self._put_in_front(copies, [series] if series else [], asking) for copies in found.values()]
        return {"studies": studies, "unpullable": [_nameless(study) for study in without], "errors": errors}

    def _find(self, pacs: str, wanted: Mapping[str, str]) -> list[FoundStudy]:
        query = {key: value for key, value in wanted.items() if key != "SeriesInstanceUID"}
        if "SeriesInstanceUID" in wanted and not query.keys() & {"StudyInstanceUID", "AccessionNumber"}:
            query["StudyInstanceUID"] = self._study_of(pacs, wanted["SeriesInstanceUID"])
            if not query["StudyInstanceUID"]:
                return []
        query = {**query, "StudyDate": ""}
        self.log.line(loglines.find_query(query))
        answers = self.finder.find(pacs, "STUDY", query, STUDY_KEYS)
        return list(dict.fromkeys(found_study(pacs, answer) for answer in answers))

    def _study_of(self, pacs: str, series_uid: str) -> str:
        """Our own documents know most series; not every PACS finds a series without its study (field notes 3)."""
        known = self.store.with_series(series_uid)
        if known is not None:
            return known.study_uid
        query = {"SeriesInstanceUID": series_uid}
        self.log.line(loglines.find_query(query))
        answers = self.finder.find(pacs, "SERIES", query, ("StudyInstanceUID",))
        right = [answer for answer in answers if clean_uid(answer.get("SeriesInstanceUID", series_uid)) == series_uid]
        return clean_uid(right[0].get("StudyInstanceUID", "")) if right else ""

    def _put_in_front(self, copies: list[FoundStudy], series: list[str], who: Who) -> dict[str, Any]:
        first = copies[0]
        if self.store.get(first.study_uid) is None:
            self.store.insert(new_study(first, self.clock.now(), self.switches))
        words = f"series {series[0]}" if series else "study"

        def edit(study: Study) -> bool:
            now = self.clock.now()
            for copy in copies:
                study.saw(copy.pacs, copy.count, now)
            study.priority = MANUAL
            study.skip_filter = sorted({*study.skip_filter, *series})
            study.forced, study.named = True, series
            study.apply(Event.MANUAL, f"{words}: {who.why}" if who.why else words, now, by=who.by)
            if study.state is State.META_ONLY:
                study.pull_now(now)
            return True

        study = change(self.store, first.study_uid, edit)
        assert study is not None, "documents are never deleted"  # noqa: S101
        self.log.line(loglines.manual_pull(first.study_uid, first.study_date))
        return {**progress(study), "studyDate": first.study_date, "pacs": [copy.pacs for copy in copies]}


def _nameless(study: FoundStudy) -> dict[str, Any]:
    names = {"pacs": study.pacs, "accessionNumber": study.accession_number, "patientID": study.patient_id}
    return {**names, "studyDate": study.study_date, "why": f"{study.pacs} gives it no StudyInstanceUID"}


def check_asked(asked: Mapping[str, str]) -> dict[str, str]:
    """
    What a person named, without what was left empty.

    Raises:
        MessageError: Nothing, a wildcard, or something that nobody can ask for.
    """
    for name, value in asked.items():
        if name not in NAMES:
            raise MessageError(name, value, f"only {', '.join(NAMES)} can be asked for")
    named = {name: unpadded(asked.get(name, "")) for name in NAMES}
    wanted = {name: value for name, value in named.items() if value}
    if not wanted:
        raise MessageError("AccessionNumber", None, f"one of {', '.join(NAMES)} must be given")
    for name, value in wanted.items():
        if any(character in value for character in "*?\\"):
            raise MessageError(name, value, "one value without the wildcards * and ? and without backslash")
    return wanted
