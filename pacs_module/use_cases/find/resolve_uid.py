"""A study that comes without StudyInstanceUID: SERIES or IMAGE level may know it (field case 12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.dicom.attributes import FoundStudy, clean_uid, dashed_date, unpadded
from ...domain.errors import PipelineError
from ...domain.find.attribute_matching import asks_for_many, judge_answer
from ...domain.instants import milliseconds
from ...domain.receive.image_origin import patient_key
from ...domain.retry import RetryPolicy
from ...ports import Clock, EventLog, PacsFinder
from .match_answers import other_value

PAUSES = RetryPolicy(first=timedelta(minutes=10), longest=timedelta(days=1))
"""A PACS that does not tell now will hardly tell in the next find."""
KEYS = ("StudyInstanceUID", "StudyDate", "AccessionNumber", "PatientID")


@dataclass
class ResolveUid:
    """Asks for each study again after growing pauses; remembers what it learnt (a cache)."""

    finder: PacsFinder
    clock: Clock
    log: EventLog
    _known: dict[str, str] = field(default_factory=dict)
    _again: dict[str, int] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)

    def __call__(self, key: str, found: FoundStudy, at_once: bool = False) -> str:
        """
        The study's UID, or an empty text.

        Args:
            key: What the study is kept under as long as it has no UID.
            found: The answer without a UID.
            at_once: Ask now, whatever the pause.
        """
        now = self.clock.now()
        if key not in self._known and (at_once or self._again.get(key, 0) <= now):
            self._asked[key] = self._asked.get(key, 0) + 1
            self._again[key] = now + milliseconds(PAUSES.pause_after(self._asked[key]))
            uid = self._ask(found)
            if uid:
                self._known[key] = uid
                self.log.event("uid_resolved", "UID found another way", pacs=found.pacs, studyUID=uid)
        return self._known.get(key, "")

    def _ask(self, found: FoundStudy) -> str:
        for level in ("SERIES", "IMAGE"):
            for name, value in (("AccessionNumber", found.accession_number), ("PatientID", found.patient_id)):
                uids = self._uids(found, level, name, value) if value and not asks_for_many(value) else set()
                if len(uids) == 1:
                    return uids.pop()
        return ""

    def _uids(self, found: FoundStudy, level: str, name: str, value: str) -> set[str]:
        query = {name: value}
        try:
            answers = self.finder.find(found.pacs, level, query, KEYS)
            others: set[str] = set()
            if not all(judge_answer(level, query, one).proved for one in answers):
                others = self._answered_anyway(found.pacs, level, name, value)
        except PipelineError as error:
            told = {"pacs": found.pacs, "queryLevel": level, "error": str(error)}
            self.log.event("uid_not_resolved", "no UID another way", "WARNING", **told)
            return set()
        return _uids_of(answer for answer in answers if _may_be(found, answer)) - others

    def _answered_anyway(self, pacs: str, level: str, name: str, value: str) -> set[str]:
        """
        The UIDs that come for another value, too: a PACS that ignores the key and does not return it names
        any study.
        """
        return _uids_of(self.finder.find(pacs, level, {name: other_value(value)}, KEYS))


def _may_be(found: FoundStudy, answer: Mapping[str, str]) -> bool:
    """Whether nothing in an answer says that it is of another study: a patient has several in a day."""
    told = (
        (dashed_date(answer.get("StudyDate", "")), found.study_date),
        (unpadded(answer.get("AccessionNumber", "")), found.accession_number),
        (patient_key(answer.get("PatientID", "")), patient_key(found.patient_id)),
    )
    return all(there in ("", here) for there, here in told)


def _uids_of(answers: Iterable[Mapping[str, str]]) -> set[str]:
    return {clean_uid(answer.get("StudyInstanceUID", "")) for answer in answers} - {""}
