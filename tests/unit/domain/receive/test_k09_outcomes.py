"""
K9: what the plugins say became of each series, and of the study, names what decided; also when several did.
"""

from __future__ import annotations

from dataclasses import replace

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import Completeness, Expectations
from pacs_module.domain.receive.decision import Asked, Decision, decide
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.receive.series_reports import series_reports
from pacs_module.domain.rules.choice import HandedOver
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

HEAD = Verdict(False, "body part", "BodyPartExamined", "HEAD")
THICK = Verdict(False, "slice thickness", "SliceThickness", "8")
TAKEN = Verdict(True, "body part", "BodyPartExamined", "CHEST")
COMPLETE = Completeness("COMPLETE")


def judged(uid: str, modality: str = "CT", thickness: str = "1", verdict: Verdict = TAKEN) -> Judged:
    return Judged(SeriesFacts(uid, {"Modality": modality, "SliceThickness": thickness}), verdict)


def told(
    series: list[Judged],
    last: HandedOver | None = None,
    request: PullRequest | None = None,
    patients: tuple[str, ...] = (),
    switches: Switches | None = None,
    completeness: Completeness = COMPLETE,
) -> tuple[Decision, dict[str, tuple[str, str]]]:
    """The decision, and outcome and reason of each series."""
    by_uid = {one.facts.series_uid: one for one in series}
    counts = dict.fromkeys(by_uid, 20)
    decision = decide(
        counts, by_uid, completeness, Asked(request), last, switches or Switches(), patient_ids=patients
    )
    reports = series_reports(counts, by_uid, request, Expectations(), decision)
    return decision, {one.series_uid: (one.outcome, one.outcome_why) for one in reports}


def test_a_filtered_study_names_the_reasons_of_all_its_series_also_of_those_dropped_before_the_pull() -> None:
    request = PullRequest("p", "1.2", "PACS", filtered={"7": HEAD, "8": HEAD, "9": THICK})
    decision, _ = told([judged("1", verdict=THICK)], request=request)
    assert decision.outcome == "filtered"
    assert decision.why.endswith("2 x SliceThickness 8; 2 x BodyPartExamined HEAD")


def test_a_study_that_is_held_back_keeps_its_series_back_with_that_reason() -> None:
    switches = replace(Switches(), hold_back_different_patient_ids=True)
    decision, series = told([judged("1"), judged("2", verdict=HEAD)], patients=("A", "B"), switches=switches)
    assert series["1"] == ("kept_back", decision.why)
    assert "A, B" in decision.why
    assert series["2"] == ("filtered", "BodyPartExamined HEAD")


def test_a_radiograph_in_a_study_with_ct_is_kept_back_because_of_its_modality() -> None:
    _, series = told([judged("1", "DX", ""), judged("2", thickness="5"), judged("3")])
    assert series["3"][0] == "handed_over"
    assert series["1"] == ("kept_back", "modality: DX, of a study with CT the CT is computed")
    assert series["2"] == ("kept_back", "thickness: 3 was chosen")


def test_what_was_handed_over_before_is_so_when_nothing_is_new() -> None:
    decision, series = told([judged("1"), judged("2", thickness="5")], HandedOver(("1",), 20))
    assert decision.outcome == "nothing_new"
    assert series["1"] == ("handed_over", f"before, and nothing new since: {decision.why}")
    assert series["2"] == ("kept_back", "thickness: 1 was chosen")


def test_a_better_series_that_is_not_worth_it_is_kept_back_beside_the_one_that_was_handed_over() -> None:
    decision, series = told([judged("1"), judged("2", thickness="5")], HandedOver(("2",), 20))
    assert series["2"][0] == "handed_over"
    assert series["1"] == ("kept_back", decision.why)


def test_nothing_became_of_the_series_of_a_study_that_is_pulled_again() -> None:
    _, series = told([judged("1"), judged("2", verdict=HEAD)], completeness=Completeness("SHORT"))
    assert series == {"1": ("", ""), "2": ("filtered", "BodyPartExamined HEAD")}
