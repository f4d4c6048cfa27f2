"""
The verdict on a series before its pull, with a look at IMAGE level where SERIES level tells too little (K3).
"""

from __future__ import annotations

from collections.abc import Callable

from ...domain.dicom.attributes import SeriesFacts
from ...domain.errors import PipelineError
from ...domain.find.slices_told import IMAGE_KEYS, is_by_objects, with_slices
from ...domain.rules.filters import judge_series
from ...domain.rules.switches import Switches
from ...domain.rules.verdict import Verdict
from ...ports import PacsFinder


def judge_told(
    finder: PacsFinder,
    pacs: str,
    study_uid: str,
    facts: SeriesFacts,
    switches: Switches,
    failed: Callable[[str, str, PipelineError], None] = lambda pacs, study_uid, error: None,
) -> Verdict:
    """
    Judge a series by what its PACS tells.

    A few objects may be many slices: where nothing but their number speaks against the series, and nobody
    told what they are, IMAGE level is asked.

    Args:
        finder: Who asks the PACS.
        pacs: Its name.
        study_uid: StudyInstanceUID.
        facts: From its SERIES level answer.
        switches: The site's.
        failed: Told of PACS, study and error where IMAGE level does not answer; the number then says nothing.
    """
    verdict = judge_series(facts, switches)
    if not is_by_objects(facts, verdict, switches):
        return verdict
    keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": facts.series_uid}
    try:
        images = finder.find(pacs, "IMAGE", keys, IMAGE_KEYS)
    except PipelineError as error:
        failed(pacs, study_uid, error)
        images = []
    return judge_series(with_slices(facts, images), switches)
