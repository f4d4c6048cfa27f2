from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import Completeness, Expectations
from pacs_module.domain.receive.decision import (
    FAILED,
    RECEIVED,
    Asked,
    announced_series,
    decide,
    expectations,
    needed_series_of,
)
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.receive.series_reports import series_reports
from pacs_module.domain.rules.choice import HandedOver
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

COMPLETE = Completeness("COMPLETE")
SHORT = Completeness("SHORT")


def judged(uid: str, modality: str = "CT", thickness: str = "1", taken: bool = True) -> Judged:
    facts = SeriesFacts(uid, {"Modality": modality, "SliceThickness": thickness, "SeriesDescription": "d"})
    return Judged(facts, Verdict(taken, "rule", "Attribute", "value"))


def decided(
    series: list[Judged],
    completeness: Completeness = COMPLETE,
    last: HandedOver | None = None,
    **request: Any,
) -> Any:
    asked = PullRequest("p", "1.2", "PACS", **request) if request else None
    by_uid = {one.facts.series_uid: one for one in series}
    wants = Asked(asked, final=bool(asked and asked.final), forced=bool(asked and asked.forced))
    return decide(dict.fromkeys(by_uid, 20), by_uid, completeness, wants, last, Switches())


def test_nothing_here_is_a_failure() -> None:
    assert decided([]).outcome == "failed"


@pytest.mark.parametrize(("final", "outcome"), [(False, "short"), (True, "received")])
def test_short_is_handed_over_only_at_the_last_attempt(final: bool, outcome: str) -> None:
    assert decided([judged("1")], SHORT, final=final).outcome == outcome


def test_short_unasked_images_wait_for_the_pull() -> None:
    assert decided([judged("1")], SHORT).outcome == "short"


def test_all_series_filtered() -> None:
    assert decided([judged("1", taken=False)]).outcome == "filtered"


def test_ct_and_dx_in_one_study_is_a_ct_study_and_the_ct_series_is_chosen() -> None:
    decision = decided([judged("1", "DX", ""), judged("2", thickness="5"), judged("3", thickness="1")])
    assert (decision.dx, [one.series_uid for one in decision.choice.series]) == (False, ["3"])


def test_dx_is_whole() -> None:
    decision = decided([judged("1", "DX", ""), judged("2", "CR", "")])
    assert (decision.dx, len(decision.choice.series)) == (True, 2)


def test_request_says_dx_where_the_images_do_not_tell() -> None:
    assert decided([judged("1", "OT", "")], dx=True).dx
    assert not decided([judged("1", "CT")], dx=True).dx


@pytest.mark.parametrize(
    ("known", "reception", "outcome"),
    [("", 6, "received"), ("", 7, "nothing_new"), (None, 6, "nothing_new"), ("h1", 6, "nothing_new")],
)
def test_a_hand_over_that_pacs_module_does_not_know_counts_only_in_its_own_reception(
    known: str | None, reception: int, outcome: str
) -> None:
    request = PullRequest("p", "1.2", "PACS", known_handover=known)
    last, asked = HandedOver(("1",), 20, reception), Asked(request, final=True, reception=7)
    assert decide({"1": 20}, {"1": judged("1")}, COMPLETE, asked, last, Switches()).outcome == outcome


def test_nothing_new_unless_forced() -> None:
    last = HandedOver(("1",), 20)
    assert decided([judged("1")], last=last).outcome == "nothing_new"
    assert decided([judged("1")], last=last, forced=True).outcome == "received"


def test_a_pull_of_series_is_not_held_to_the_study() -> None:
    counts = {"1": 5, "2": 6}
    study = PullRequest("p", "1.2", "PACS", expected=11, expected_series=counts)
    assert expectations(study) == Expectations(counts, 11)
    series = PullRequest(
        "p", "1.2", "PACS", level="SERIES", series_uids=("1",), expected=11, expected_series=counts
    )
    assert expectations(series) == Expectations({"1": 5}, None)
    assert expectations(None) == Expectations()


def test_what_is_to_come_is_what_was_asked_for() -> None:
    request = PullRequest(
        "p", "1.2", "PACS", expected_series={"1": 5}, expected_instances={"2": ("a", "b", "b")},
        announced={"1": {"Modality": "CT"}, "3": {"Modality": "SR"}, "4": {}},
        filtered={"4": Verdict.of_text("x")},
    )  # fmt: skip
    found = announced_series(request)
    assert {uid: (one.modality, one.instances) for uid, one in found.items()} == {
        "1": ("CT", 5),
        "2": ("", 2),
        "3": ("SR", None),
    }
    assert announced_series(None) == {}
    series = PullRequest("p", "1.2", "PACS", level="SERIES", series_uids=("9",))
    assert set(announced_series(series)) == {"9"}


def test_a_series_that_a_person_named_must_be_whole_whatever_the_rules_say() -> None:
    asked: dict[str, Any] = {
        "announced": {"1": {"Modality": "RF"}, "2": {"Modality": "SR"}},
        "expected_series": {"1": 5, "2": 1},
    }
    named = PullRequest("p", "1.2", "PACS", skip_filter=("1",), **asked)
    assert needed_series_of({}, {}, named, False, Switches()).needed == {"1"}
    assert (
        needed_series_of({}, {}, PullRequest("p", "1.2", "PACS", **asked), False, Switches()).needed
        == frozenset()
    )


def test_a_series_whose_first_image_could_not_be_read_yet_may_be_the_best() -> None:
    request = PullRequest("p", "1.2", "PACS", expected_series={"1": 300})
    ahead = needed_series_of({"1": 300, "2": 1}, {"1": judged("1")}, request, False, Switches())
    assert ahead.needed == {"1", "2"}


def test_every_series_is_reported() -> None:
    request = PullRequest(
        "p", "1.2", "PACS", filtered={"3": Verdict(False, "slice thickness", "SliceThickness", "8")}
    )
    reports = series_reports({"1": 4}, {"1": judged("1")}, request, Expectations({"1": 5, "2": 6}))
    assert [(one.series_uid, one.taken, one.received, one.in_pacs, one.because) for one in reports] == [
        ("1", True, 4, 5, "Attribute value"),
        ("2", False, 0, 6, "no image came"),
        ("3", False, 0, None, "SliceThickness 8"),
    ]
    assert [one.stage for one in reports] == ["reception", "", "find"]
    assert reports[2].verdict == request.filtered["3"]


def test_a_series_that_is_no_uid_is_not_waited_for() -> None:
    named = {"1.2.1": {"Modality": "CT"}, "../..": {}, "*": {}, "1..2": {}}
    request = PullRequest("p", "1.2", "PACS", announced=named, expected_series={"1.2.2": 3, "1.2\\1.3": 9})
    assert expectations(request) == Expectations({"1.2.2": 3}, None, frozenset({"1.2.1"}))


@pytest.mark.parametrize("also", [{}, {"2": judged("2", taken=False)}], ids=["alone", "beside a dropped one"])
def test_images_that_cannot_be_read_are_not_filtered(also: dict[str, Judged]) -> None:
    counts = {"1": 13, **dict.fromkeys(also, 4)}
    found = decide(counts, also, COMPLETE, Asked(), None, Switches())
    assert (found.outcome, found.why) == (FAILED, "images came that cannot be read")


def test_an_unread_series_beside_a_taken_one_holds_nothing_back() -> None:
    counts = {"1": 13, "2": 80}
    found = decide(counts, {"2": judged("2")}, COMPLETE, Asked(), None, Switches())
    assert found.outcome == RECEIVED
