"""A past day of a PACS as its SERIES level answers tell it: for tuning before anything was received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ...domain.dicom.device import DEVICE_ATTRIBUTES
from ...domain.errors import PipelineError
from ...domain.find.merging import merged
from ...domain.find.series_answers import SERIES_KEYS, series_of
from ...domain.find.windows import Window
from ...domain.rehearse.record import FIND, JudgedStudy, header
from ...domain.rules.filters import judge_modalities, judge_series
from ...domain.rules.switches import Switches
from ...ports import EventLog
from ..find.ask_window import AskWindow
from ..find.match_answers import MatchedFinder

_STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyDate",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)


def ask_day(
    finder: MatchedFinder, pacs: str, day: date, switches: Switches, log: EventLog
) -> Iterator[JudgedStudy]:
    """
    The studies of a wanted modality of one day, one query a study.

    Raises:
        RetriableError: The PACS did not answer for the list of the day.
    """
    wanted = switches.ct_modalities + switches.dx_modalities
    answers = AskWindow(finder, log, wanted)(pacs, Window(day), _STUDY_KEYS)
    for study in merged(answers.studies):
        if not judge_modalities(study.modalities, switches).taken:
            continue
        try:
            told = finder.find(
                pacs, "SERIES", {"StudyInstanceUID": study.study_uid}, (*SERIES_KEYS, *DEVICE_ATTRIBUTES)
            )
        except PipelineError as error:
            log.event(
                "rehearsal_study_not_told", "a study could not be asked for", "WARNING",
                studyUID=study.study_uid, error=str(error),
            )  # fmt: skip
            continue
        headers = [
            header(facts, judge_series(facts, switches), FIND) for facts in series_of(study.study_uid, told)
        ]
        yield JudgedStudy(study.study_uid, day.isoformat(), pacs).with_headers(headers)
