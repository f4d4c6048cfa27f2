"""
The verdicts in a study's document are the true ones: made once, and not overwritten by a report that only
repeats them.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.rules.filters import Verdict
from pacs_module.domain.study.study import SeriesRecord, Study
from pacs_module.domain.wire.messages import SeriesReport

UID = "1.2.3"
THICK = Verdict(False, "slice thickness", "SliceThickness", "8")
SCOUT = Verdict(False, "image type", "ImageType", "ORIGINAL\\PRIMARY\\LOCALIZER")


def at_find(verdict: Verdict, in_pacs: int | None = 40) -> SeriesRecord:
    return SeriesRecord(
        UID,
        verdict.taken,
        verdict.rule,
        verdict.because,
        "find",
        "CT",
        "THORAX 8 MM",
        in_pacs,
        at="t",
        verdict=verdict,
    )


def judged(
    verdict: Verdict, received: int, in_pacs: int | None = None, stage: str = "reception"
) -> SeriesReport:
    because = verdict.because
    return SeriesReport(
        UID, verdict.taken, verdict.rule, because, received, in_pacs, "CT", "text", verdict, stage=stage
    )


MISSING = SeriesReport(
    UID, False, "missing", "no image came", 0, 40, verdict=Verdict(False, "missing", "", "x"), stage=""
)
TAKEN = Verdict(True, "all", "", "no rule speaks against it")


def after(*reports: SeriesReport, before: SeriesRecord | None = None) -> SeriesRecord:
    study = Study("1.2")
    if before is not None:
        study.keep_series([before])
    for report in reports:
        study.remember_series([report], at=0)
    return study.series[UID]


@pytest.mark.parametrize(
    "report",
    [
        judged(THICK, 0, stage="find"),
        MISSING,
        judged(Verdict.of_text("SliceThickness 8"), 0, stage="find"),
        judged(THICK, 0, 40, "find"),
    ],
    ids=["repeated", "missing", "as earlier plugins repeat it", "repeated with its count"],
)
def test_a_series_dropped_at_find_keeps_its_verdict_description_and_count(report: SeriesReport) -> None:
    record = after(report, before=at_find(THICK))
    assert (record.rule, record.because, record.stage) == ("slice thickness", "SliceThickness 8", "find")
    assert (record.series_description, record.in_pacs, record.received) == ("THORAX 8 MM", 40, 0)


def test_images_that_came_after_all_are_judged_by_themselves() -> None:
    record = after(judged(TAKEN, 40), before=at_find(THICK))
    assert (record.taken, record.stage, record.received) == (True, "reception", 40)


def test_a_scout_that_arrives_after_the_hand_over_has_the_verdict_of_its_images() -> None:
    record = after(MISSING, judged(SCOUT, 2, 2))
    assert (record.because, record.received) == ("ImageType ORIGINAL\\PRIMARY\\LOCALIZER", 2)


def test_a_scout_that_is_not_pulled_again_keeps_the_verdict_of_its_images() -> None:
    assert after(MISSING, judged(SCOUT, 2, 2), MISSING).because == "ImageType ORIGINAL\\PRIMARY\\LOCALIZER"


def test_a_series_taken_at_find_of_which_no_image_came_says_so() -> None:
    record = after(MISSING, before=at_find(TAKEN))
    assert (record.taken, record.because, record.series_description) == (
        False,
        "no image came",
        "THORAX 8 MM",
    )


def test_what_a_later_report_does_not_tell_stays() -> None:
    record = after(judged(THICK, 40, None), before=at_find(TAKEN))
    assert (record.in_pacs, record.because) == (40, "SliceThickness 8")


def test_the_first_report_is_taken_as_it_is() -> None:
    assert after(judged(THICK, 40, 40)).verdict == THICK
