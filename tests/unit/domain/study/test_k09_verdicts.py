"""
The verdicts in a study's document are the true ones: made once, and not overwritten by a report that only
repeats them.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.json_messages.messages import SeriesReport
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.study import SeriesRecord, Study

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


def outcome(name: str, received: int = 40, taken: bool = True) -> SeriesReport:
    verdict = TAKEN if taken else THICK
    why = f"why {name}" if name else ""
    return SeriesReport(
        UID, taken, verdict.rule, verdict.because, received, 40, "CT", "text", verdict, name, why, "reception"
    )


@pytest.mark.parametrize("became", ["handed_over", "kept_back"])
@pytest.mark.parametrize("later", [MISSING, outcome("")], ids=["no image came this time", "nothing decided"])
def test_what_became_of_a_series_stays_while_a_later_pull_decides_nothing(
    became: str, later: SeriesReport
) -> None:
    record = after(outcome(became), later)
    assert (record.taken, record.outcome, record.outcome_why) == (True, became, f"why {became}")
    assert record.received == 40


@pytest.mark.parametrize(
    ("first", "then", "now"),
    [
        ("handed_over", outcome("kept_back"), "kept_back"),
        ("kept_back", outcome("handed_over"), "handed_over"),
        ("handed_over", outcome("filtered", taken=False), "filtered"),
        ("handed_over", outcome("set_aside", taken=False), "set_aside"),
    ],
)
def test_a_later_decision_is_the_true_one(first: str, then: SeriesReport, now: str) -> None:
    assert after(outcome(first), then).outcome == now


def test_a_find_takes_no_outcome_back() -> None:
    study = Study("1.2")
    study.remember_series([outcome("handed_over")], at=0)
    study.remember_found([at_find(TAKEN, 41)])
    record = study.series[UID]
    assert (record.outcome, record.stage, record.received, record.in_pacs) == (
        "handed_over",
        "reception",
        40,
        41,
    )
    study.remember_found([at_find(THICK)])
    assert (study.series[UID].because, study.series[UID].stage) == ("SliceThickness 8", "find")
