"""
What became of each series is told apart: handed over, kept back, filtered, never came, set aside; with the
reason.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.explain.series_story import Standing, series_story, standing_of, text_for_people
from pacs_module.domain.explain.story import story
from pacs_module.domain.json_messages.messages import SeriesOutcome
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.study import SeriesRecord, Study


def record(taken: bool = True, rule: str = "all", because: str = "fine", **values: str) -> SeriesRecord:
    return SeriesRecord("1.1", taken, rule, because, "reception", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", list(SeriesOutcome))
def test_every_outcome_has_a_standing_of_its_own(outcome: SeriesOutcome) -> None:
    found = {standing_of(record(outcome=one)) for one in SeriesOutcome}
    assert standing_of(record(outcome=outcome)) in found
    assert len(found) == len(SeriesOutcome)


@pytest.mark.parametrize(
    ("told", "standing", "reason"),
    [
        (
            record(outcome="handed_over", outcome_why="thinnest: 1.25 mm"),
            Standing.HANDED_OVER,
            "thinnest: 1.25 mm",
        ),
        (record(outcome="kept_back", outcome_why="thicker: 5 mm"), Standing.KEPT_BACK, "thicker: 5 mm"),
        (record(outcome="kept_back"), Standing.KEPT_BACK, "fine"),
        (record(False, "modality", "Modality RF", outcome="filtered"), Standing.FILTERED, "Modality RF"),
        (
            record(False, "modality", "Modality RF", outcome="filtered", outcome_why="x"),
            Standing.FILTERED,
            "Modality RF",
        ),
        (record(False, "modality", "Modality RF"), Standing.FILTERED, "Modality RF"),
        (record(False, "missing", "no image came"), Standing.NEVER_CAME, "no image came"),
        (record(False, "missing", "no image came", outcome="missing"), Standing.NEVER_CAME, "no image came"),
        (record(False, "identity", "PatientID X9", outcome="set_aside"), Standing.SET_ASIDE, "PatientID X9"),
        (
            record(False, "missing", "no image came", outcome="set_aside", outcome_why="20 of STRANGER"),
            Standing.SET_ASIDE,
            "20 of STRANGER",
        ),
        (record(), Standing.TAKEN, "fine"),
        (record(outcome="of a later version"), Standing.TAKEN, "fine"),
    ],
)
def test_what_became_of_it_and_why(told: SeriesRecord, standing: Standing, reason: str) -> None:
    found = series_story(told)
    assert (found["standing"], found["reason"]) == (standing, reason)


def test_of_how_many_images_a_verdict_speaks() -> None:
    told = record(outcome="handed_over", outcome_why="the only one")
    told.verdict = Verdict(True, "all", "", "fine", images="24 of 25 images (1 localizer)")
    assert series_story(told)["reason"] == "the only one (24 of 25 images (1 localizer))"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", {"text": ""}),
        ("CHEST", {"text": "CHEST"}),
        ("胸部", {"text": "胸部"}),
        ("Größe", {"text": "Größe"}),
        ("ÐØ²¿", {"text": "胸部", "raw": "ÐØ²¿", "bytes": "c3 90 c3 98 c2 b2 c2 bf"}),
        ("MÃ¼ller", {"text": "Müller", "raw": "MÃ¼ller", "bytes": "4d c3 83 c2 bc 6c 6c 65 72"}),
    ],
)
def test_damaged_text_is_shown_repaired_with_the_raw_beside_it(text: str, told: dict[str, str]) -> None:
    assert text_for_people(text) == told


def test_the_story_has_them() -> None:
    study = Study("1.2.3", study_description="ÐØ²¿")
    study.keep_series([record(outcome="kept_back", outcome_why="thicker", series_description="ÐØ²¿")])
    told = story(study, 0)
    assert told["description"]["text"] == "胸部"
    assert told["studyDescription"] == "ÐØ²¿", "the stored text is as it arrived"
    assert told["series"]["1.1"]["standing"] == "kept back"
    assert told["series"]["1.1"]["seriesDescription"] == told["series"]["1.1"]["description"]["raw"]
