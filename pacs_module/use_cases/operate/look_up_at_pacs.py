"""
Look up at the PACS what is not known here, and say what would be done with it; nothing is pulled or written
(M24).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ...domain.dicom.attributes import FoundStudy, SeriesFacts, clean_uid, found_study
from ...domain.errors import PipelineError
from ...domain.find.attribute_matching import judge_answer
from ...domain.find.merging import merged
from ...domain.find.series_answers import SERIES_KEYS, series_of
from ...domain.rules.filters import judge_modalities
from ...domain.rules.switches import Switches
from ...ports import Clock
from ..find.find_studies import STUDY_KEYS
from ..find.judge_told import judge_told
from ..find.match_answers import MatchedFinder
from .manual_pull import check_asked, owner_of

MOST_STUDIES = 5
"""Of so many the series are asked for, at each PACS."""
REMEMBER_MS = 15_000
_MOST_REMEMBERED = 200


@dataclass(frozen=True)
class _Found:
    """What one PACS has; ``untold`` by study: the keys that were asked and that its answer does not tell."""

    studies: list[FoundStudy] = field(default_factory=list)
    dropped: str = ""
    untold: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _with_untold(told: dict[str, Any], untold: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """With ``notTold`` where the PACS does not say that this is the study that was asked for."""
    keys = untold.get(told["studyUID"], ())
    return {**told, "notTold": list(keys)} if keys else told


MOST_WAITING = 3
"""One look-up asks, the others of them wait for it; the next one is told so at once."""
TOO_MANY = "not asked: other look-ups wait for a PACS; try again in a moment"
_Key = tuple[tuple[str, str], ...]


@dataclass
class LookUp:
    """
    Asks every PACS that answers; one question at a time, and the same one again is answered from memory for
    some seconds.

    ``unreachable`` are those whose circuit is open: they are not waited for.
    """

    finder: MatchedFinder
    clock: Clock
    switches: Switches
    pacs: tuple[str, ...]
    unreachable: Collection[str]
    days: Callable[[], list[date]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_WAITING)
    )
    _known: dict[_Key, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """
        What each PACS has.

        Args:
            asked: DICOM keywords of :data:`pacs_module.use_cases.operate.manual_pull.NAMES` to values.

        Returns:
            By PACS: ``studies`` with ``would`` (what would be done, and why) and ``series``, or ``error``;
            ``dropped``: what was answered beside the question, in words, and ``ignores``: keys that this PACS
            does not honour.

        Raises:
            MessageError: Nothing usable was asked for, or a wildcard.
        """
        wanted = check_asked(asked)
        key = tuple(sorted(wanted.items()))
        if (known := self._remembered(key)) is not None:
            return known
        # Whoever waits holds a thread of the web server: while a PACS hangs, all of them would soon wait
        # here.
        if not self._places.acquire(blocking=False):
            return {pacs: {"error": TOO_MANY, "studies": []} for pacs in self.pacs}
        try:
            return self._asked(key, wanted)
        finally:
            self._places.release()

    def _remembered(self, key: _Key) -> dict[str, Any] | None:
        at, answer = self._known.get(key, (0, {}))
        return answer if self.clock.now() - at < REMEMBER_MS else None

    def _asked(self, key: _Key, wanted: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            if (known := self._remembered(key)) is not None:
                return known
            answer = {pacs: self._at(pacs, wanted) for pacs in self.pacs}
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = (self.clock.now(), answer)
            return answer

    def _at(self, pacs: str, wanted: Mapping[str, str]) -> dict[str, Any]:
        if pacs in self.unreachable:
            return {"error": "not asked: it did not answer the last find", "studies": []}
        try:
            return self._ask(pacs, wanted)
        except PipelineError as error:
            return {"error": str(error), "studies": []}

    def _ask(self, pacs: str, wanted: Mapping[str, str]) -> dict[str, Any]:
        found = self._studies(pacs, wanted)
        shown = [self._told(one, number < MOST_STUDIES) for number, one in enumerate(found.studies)]
        told: dict[str, Any] = {"studies": [_with_untold(one, found.untold) for one in shown]}
        if found.dropped:
            told["dropped"] = found.dropped
        ignores = sorted(self.finder.learned(pacs).ignores)
        if ignores:
            told["ignores"] = ignores
        return told

    def _studies(self, pacs: str, wanted: Mapping[str, str]) -> _Found:
        query = dict(wanted)
        series = query.pop("SeriesInstanceUID", "")
        if series and not query:
            owner = self._study_of(pacs, series)
            if not owner:
                return _Found()
            query = {"StudyInstanceUID": owner}
        matched = self.finder.ask_part(pacs, "STUDY", {**query, "StudyDate": ""}, STUDY_KEYS)
        studies = merged(found_study(pacs, answer) for answer in matched.answers)
        return _Found(studies, matched.words, _untold(query, matched.answers))

    def _study_of(self, pacs: str, series: str) -> str:
        """The study of a series; empty: the PACS does not tell."""
        answers = self.finder.find(pacs, "SERIES", {"SeriesInstanceUID": series}, ("StudyInstanceUID",))
        return owner_of(series, answers)

    def _told(self, study: FoundStudy, with_series: bool) -> dict[str, Any]:
        verdict = judge_modalities(study.modalities, self.switches)
        series = self._series(study) if with_series and verdict.taken else []
        return {
            "studyUID": study.study_uid,
            "studyDate": study.study_date,
            "studyTime": study.study_time,
            "accessionNumber": study.accession_number,
            "patientID": study.patient_id,
            "studyDescription": study.study_description,
            "modality": list(study.modalities),
            "instances": study.count,
            "would": self._would(study, verdict.taken, verdict.because, series),
            "series": series,
        }

    def _series(self, study: FoundStudy) -> list[dict[str, Any]]:
        try:
            answers = self.finder.find(
                study.pacs, "SERIES", {"StudyInstanceUID": study.study_uid}, SERIES_KEYS
            )
        except PipelineError:
            return []  # not every PACS can; the study's own verdict stands
        return [self._series_told(study, facts) for facts in series_of(study.study_uid, answers)]

    def _series_told(self, study: FoundStudy, facts: SeriesFacts) -> dict[str, Any]:
        verdict = judge_told(self.finder, study.pacs, study.study_uid, facts, self.switches)
        return {
            "seriesUID": facts.series_uid,
            "modality": facts.modality,
            "seriesDescription": facts.text("SeriesDescription"),
            "instances": facts.instances,
            "taken": verdict.taken,
            "because": verdict.because,
        }

    def _would(self, study: FoundStudy, wanted: bool, because: str, series: list[dict[str, Any]]) -> str:
        if not study.study_uid:
            return "nothing: without a StudyInstanceUID it cannot be pulled"
        if not wanted:
            return f"nothing: {because}"
        if series and not any(one["taken"] for one in series):
            return "nothing: every series would be filtered, see each series"
        taken = f"{sum(one['taken'] for one in series)} of {len(series)} series" if series else "the study"
        return self._when(study.study_date, taken)

    def _when(self, study_date: str, taken: str) -> str:
        days = [f"{day:%Y-%m-%d}" for day in self.days()]
        if study_date in days:
            return f"the next find takes it up, and {taken} would be pulled"
        date_of = study_date or "an unknown date"
        no_find = f"no find asks for {date_of} (only {', '.join(days)})"
        return f"{taken} would be pulled, but {no_find}: pull it by hand"


def _untold(query: Mapping[str, str], answers: Iterable[Mapping[str, str]]) -> dict[str, Sequence[str]]:
    """By StudyInstanceUID the keys that an answer does not tell."""
    return {
        clean_uid(answer.get("StudyInstanceUID", "")): judge_answer("STUDY", query, answer).untold
        for answer in answers
    }
