"""What a PACS has of a study that came unasked: asked by the plugins, to count against (M8a)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.dicom.attributes import FoundStudy, found_study
from ...domain.errors import PipelineError, RetriableError
from ...domain.find.merging import merged
from ...domain.json_messages.messages import PullRequest
from ...domain.study.study import PacsCopy, Study
from ...ports import EventLog, PacsFinder, StudyStore
from ..pull.prepare_pull import PreparePull


@dataclass
class AskExpected:
    """
    Asks the PACS one after the other; ``prepare`` knows what each of them can tell of series and images.
    """

    finder: PacsFinder
    prepare: PreparePull
    log: EventLog
    pacs: Sequence[str]
    store: StudyStore

    def __call__(self, study_uid: str, pacs: str = "", images: bool = False) -> PullRequest | None:
        """
        Say what the PACS that has most of a study announces.

        Args:
            study_uid: StudyInstanceUID.
            pacs: Only this one is asked; empty: all of them.
            images: Whether the SOPInstanceUIDs are wanted, too.

        Returns:
            As if the study were pulled from there, without a ``pullID``; None when no PACS knows it.

        Raises:
            RetriableError: No PACS that answers knows it, and one could not be asked: it may know it.
        """
        names = [name for name in self.pacs if pacs in ("", name)]
        answers = {name: self._ask(name, study_uid) for name in names}
        found = [known for known in answers.values() if isinstance(known, FoundStudy)]
        if not found:
            away = [name for name, known in answers.items() if isinstance(known, PipelineError)]
            return self._as_found(study_uid, away, pacs) if away else None
        fullest = max(found, key=lambda one: one.count or 0)
        return self.prepare.expected_at_pacs(_study_of(study_uid, fullest), fullest.pacs, images)

    def _as_found(self, study_uid: str, away: Sequence[str], asked: str) -> PullRequest:
        """
        What a PACS that cannot be asked now has told in a find: whose the study is, and how large.

        Not where one PACS is asked by name: then the question is what it has at this moment.
        """
        study = None if asked else self.store.get(study_uid)
        copies = study.pacs if study is not None else {}
        known = [(copies[name].count or 0, name) for name in away if name in copies]
        if not known:
            raise RetriableError(f"{', '.join(away)} could not be asked")
        count, name = max(known)
        patient_id = study.told_patient_id(name) if study is not None else ""
        return PullRequest("", study_uid, name, expected=count or None, patient_id=patient_id)

    def _ask(self, name: str, study_uid: str) -> FoundStudy | PipelineError | None:
        """The study as one PACS has it; an error where that cannot be had, which is no answer."""
        try:
            answers = self.finder.find(name, "STUDY", {"StudyInstanceUID": study_uid}, _KEYS)
        except PipelineError as error:
            self.log.event(
                "pushed_study_not_asked",
                "a pushed study could not be asked for",
                "WARNING",
                pacs=name,
                studyUID=study_uid,
                error=str(error),
            )
            return error
        studies = merged(found_study(name, answer) for answer in answers)
        return next((one for one in studies if one.study_uid == study_uid), None)


_KEYS = ("StudyInstanceUID", "PatientID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")


def _study_of(study_uid: str, found: FoundStudy) -> Study:
    """A document of what one PACS tells; it is not stored."""
    copies = {found.pacs: PacsCopy(found.count or None)}
    return Study(study_uid, modality=list(found.modalities), patient_id=found.patient_id, pacs=copies)
