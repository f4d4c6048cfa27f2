"""Manual pull: a person names a study, and it is next (M8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..domain import loglines
from ..domain.errors import MessageError, PipelineError
from ..domain.lifecycle import Event, State
from ..domain.sighting import new_study
from ..domain.study import MANUAL, Study
from ..domain.switches import Switches
from ..domain.values import FoundStudy, clean_uid, found_study
from ..ports import Clock, EventLog, PacsFinder, StudyStore
from .changing import change
from .find_studies import STUDY_KEYS

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

    def __call__(self, asked: Mapping[str, str], by: str) -> dict[str, Any]:
        """
        Find and pull.

        Args:
            asked: One or more of :data:`NAMES`; a SeriesInstanceUID skips the filter for that series.
            by: Who asked, for the history.

        Returns:
            ``studies`` (studyUID, studyDate, pacs) that were found and put in front, and ``errors`` by PACS.

        Raises:
            MessageError: Nothing usable was asked for, or a wildcard.
        """
        wanted = _checked(asked)
        self.log.line(loglines.manual_find_move(wanted))
        found: dict[str, list[FoundStudy]] = {}
        errors: dict[str, str] = {}
        for pacs in self.pacs:
            try:
                copies = {study.study_uid: study for study in self._find(pacs, wanted)}
                for uid, study in copies.items():
                    found.setdefault(uid, []).append(study)
            except PipelineError as error:
                errors[pacs] = str(error)
        if not found:
            self.log.line(loglines.MOVE_FAILED)
        series = wanted.get("SeriesInstanceUID")
        studies = [self._put_in_front(copies, [series] if series else [], by) for copies in found.values()]
        return {"studies": studies, "errors": errors}

    def _find(self, pacs: str, wanted: Mapping[str, str]) -> list[FoundStudy]:
        query = {key: value for key, value in wanted.items() if key != "SeriesInstanceUID"}
        if "SeriesInstanceUID" in wanted and not query.keys() & {"StudyInstanceUID", "AccessionNumber"}:
            query["StudyInstanceUID"] = self._study_of(pacs, wanted["SeriesInstanceUID"])
            if not query["StudyInstanceUID"]:
                return []
        query = {**query, "StudyDate": ""}
        self.log.line(loglines.find_query(query))
        answers = self.finder.find(pacs, "STUDY", query, STUDY_KEYS)
        return [study for study in (found_study(pacs, answer) for answer in answers) if study.study_uid]

    def _study_of(self, pacs: str, series_uid: str) -> str:
        """Our own documents know most series; not every PACS finds a series without its study (field notes 3)."""
        known = self.store.find({"seriesUIDs": series_uid}, limit=1)
        if known:
            return known[0].study_uid
        query = {"SeriesInstanceUID": series_uid}
        self.log.line(loglines.find_query(query))
        answers = self.finder.find(pacs, "SERIES", query, ("StudyInstanceUID",))
        right = [answer for answer in answers if clean_uid(answer.get("SeriesInstanceUID", series_uid)) == series_uid]
        return clean_uid(right[0].get("StudyInstanceUID", "")) if right else ""

    def _put_in_front(self, copies: list[FoundStudy], series: list[str], by: str) -> dict[str, Any]:
        first = copies[0]
        if self.store.get(first.study_uid) is None:
            self.store.insert(new_study(first, self.clock.now(), self.switches))

        def edit(study: Study) -> bool:
            now = self.clock.now()
            for copy in copies:
                study.saw(copy.pacs, copy.count, now)
            study.priority = MANUAL
            study.skip_filter = sorted({*study.skip_filter, *series})
            study.forced, study.named = True, series
            study.apply(Event.MANUAL, f"series {series}" if series else "study", now, by=by)
            if study.state is State.META_ONLY:
                study.pull_now(now)
            return True

        change(self.store, first.study_uid, edit)
        self.log.line(loglines.manual_pull(first.study_uid, first.study_date))
        return {"studyUID": first.study_uid, "studyDate": first.study_date, "pacs": [copy.pacs for copy in copies]}


def _checked(asked: Mapping[str, str]) -> dict[str, str]:
    wanted = {name: asked[name].strip() for name in NAMES if asked.get(name, "").strip()}
    if not wanted:
        raise MessageError("AccessionNumber", None, f"one of {', '.join(NAMES)} must be given")
    for name, value in wanted.items():
        if any(character in value for character in "*?\\"):
            raise MessageError(name, value, "one value without the wildcards * and ? and without backslash")
    return wanted
