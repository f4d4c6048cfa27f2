"""Ask a PACS by UID for what its list lacks, before anything is called gone (K12, M20)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import PipelineError
from ...domain.find.merging import merged
from ...domain.find.vanished import is_list_believed
from ...ports import EventLog
from .match_answers import MatchedFinder

MOST_ASKED = 5
"""Of the studies that a list lacks."""


@dataclass(frozen=True)
class Confirmed:
    """
    ``still_there``: studies that the list lacks and the PACS has; ``believed``: the others are not there.
    """

    still_there: tuple[FoundStudy, ...] = ()
    believed: bool = True


@dataclass
class ConfirmMissing:
    """
    A PACS that is restarted or overloaded answers lists with Success and nothing, for minutes at a time.

    Told once a PACS until its lists are right again.
    """

    finder: MatchedFinder
    log: EventLog
    _told: set[str] = field(default_factory=set)

    def __call__(
        self, pacs: str, missing: Collection[str], others_listed: bool, another: str, keys: Collection[str]
    ) -> Confirmed:
        """
        Ask for some of the studies that a list lacks; for an empty list also for another one.

        Args:
            pacs: The PACS.
            missing: StudyInstanceUIDs that it had, and that its list lacks.
            others_listed: Whether the list has other studies.
            another: A study of another day that this PACS had a short time ago; empty: none is known.
            keys: Return keys of a study.
        """
        try:
            there = tuple(self._still_there(pacs, missing, tuple(keys)))
            answers = None if others_listed or there or not another else bool(self._of(pacs, another, ()))
        except PipelineError:
            return Confirmed(believed=False)
        believed = is_list_believed(others_listed, bool(there), answers)
        self._note_belief(pacs, believed, there)
        return Confirmed(there, believed)

    def _note_belief(self, pacs: str, believed: bool, there: Sequence[FoundStudy]) -> None:
        if believed:
            self._told.discard(pacs)
        else:
            self._tell(pacs, [study.study_uid for study in there])

    def _still_there(
        self, pacs: str, missing: Collection[str], keys: tuple[str, ...]
    ) -> Iterator[FoundStudy]:
        for uid in sorted(missing)[:MOST_ASKED]:
            yield from self._of(pacs, uid, keys)

    def _of(self, pacs: str, uid: str, keys: tuple[str, ...]) -> tuple[FoundStudy, ...]:
        answers = self.finder.ask(pacs, "STUDY", {"StudyInstanceUID": uid}, keys)
        return tuple(merged(study for study in answers.studies if study.study_uid == uid))

    def _tell(self, pacs: str, still_there: list[str]) -> None:
        if pacs in self._told:
            return
        self._told.add(pacs)
        words = "a PACS leaves out of its lists what it has: nothing is called gone"
        self.log.event("lists_leave_out", words, "WARNING", pacs=pacs, studyUIDs=still_there)
