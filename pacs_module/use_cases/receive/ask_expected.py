"""What a PACS has of a study that came unasked: asked by the plugins, to count against (M8a)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.dicom.attributes import FoundStudy, found_study
from ...domain.errors import PipelineError
from ...domain.find.merging import merged
from ...domain.study.study import PacsCopy, Study
from ...domain.wire.messages import PullRequest
from ...ports import EventLog, PacsFinder
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

    def __call__(self, study_uid: str, pacs: str = "", images: bool = False) -> PullRequest | None:
        """
        Say what the PACS that has most of a study announces.

        Args:
            study_uid: StudyInstanceUID.
            pacs: Only this one is asked; empty: all of them.
            images: Whether the SOPInstanceUIDs are wanted, too.

        Returns:
            As if the study were pulled from there, without a ``pullID``; None when no PACS knows it.
        """
        names = [name for name in self.pacs if pacs in ("", name)]
        found = [known for name in names if (known := self._ask(name, study_uid)) is not None]
        if not found:
            return None
        fullest = max(found, key=lambda one: one.count or 0)
        copy = PacsCopy(fullest.count or None)
        study = Study(
            study_uid,
            modality=list(fullest.modalities),
            patient_id=fullest.patient_id,
            pacs={fullest.pacs: copy},
        )
        return self.prepare.expected_at_pacs(study, fullest.pacs, images)

    def _ask(self, name: str, study_uid: str) -> FoundStudy | None:
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
            return None
        studies = merged(found_study(name, answer) for answer in answers)
        return next((one for one in studies if one.study_uid == study_uid), None)


_KEYS = ("StudyInstanceUID", "PatientID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")
