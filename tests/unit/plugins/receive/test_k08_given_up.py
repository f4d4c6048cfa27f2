"""
A study whose reception fails at every try is given up, told with the reason, and holds nobody up (K8).

Does not prove that an object makes a step fail: the errors are put in the way of one study.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from aipull.receive.arriving_study import ArrivingStudy
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.receive.give_up import MIN_TRIES, OWN_FAULT_AFTER, PASSING_AFTER
from pacs_module.domain.receive.reception_state import ReceptionState
from tests.fakes.reception_desk import Desk

BAD, GOOD = "1.2", "1.3"
ENOUGH = MIN_TRIES + 2


def fails(desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, study: str = BAD) -> None:
    look: Callable[[ArrivingStudy], None] = desk.worker._look

    def looks(arrival: ArrivingStudy) -> None:
        if arrival.row.study_uid == study:
            raise error
        look(arrival)

    monkeypatch.setattr(desk.worker, "_look", looks)


def pulled(desk: Desk, study: str) -> None:
    request = desk.ask(study, expected=3)
    desk.store.add(study, f"{study}.1", 3)
    desk.end(request)


def steps(desk: Desk, number: int, lasting_s: float) -> None:
    for _ in range(number):
        desk.step(lasting_s / number)


def given_up(desk: Desk) -> list[dict[str, Any]]:
    lines = (desk.log_folder / "orthanc-python.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one.get("event") == "reception_given_up"]


def test_its_pull_fails_with_the_reason_and_its_images_make_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(desk, monkeypatch, KeyError("PatientID"))
    pulled(desk, BAD)
    steps(desk, ENOUGH, OWN_FAULT_AFTER.total_seconds() + 5)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["received"]) == ("failed", 3)
    assert report["failure"] == {"kind": "not_taken_in", "status": "", "words": "KeyError: 'PatientID'"}
    assert "failed at every try: KeyError: 'PatientID'" in report["message"]
    desk.deletion.step()
    assert desk.store.images == {}
    assert [one["studyUID"] for one in given_up(desk)] == [BAD]
    steps(desk, ENOUGH, 100)
    assert len(desk.told("pull_report")) == 1


@pytest.mark.parametrize(
    ("tries", "lasting"), [(ENOUGH, OWN_FAULT_AFTER.total_seconds() - 20), (MIN_TRIES - 5, 600.0)]
)
def test_it_is_not_given_up_early(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tries: int, lasting: float
) -> None:
    fails(desk, monkeypatch, ValueError("odd"))
    pulled(desk, BAD)
    steps(desk, tries, lasting)
    assert desk.told("pull_report") == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RetriableError("Orthanc is away")])
@pytest.mark.parametrize("another", [False, True], ids=["alone", "while another came through"])
def test_what_passes_as_a_rule_is_waited_for_unless_others_come_through(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, another: bool
) -> None:
    fails(desk, monkeypatch, error)
    pulled(desk, BAD)
    steps(desk, ENOUGH, 60)
    if another:
        pulled(desk, GOOD)
    steps(desk, ENOUGH, PASSING_AFTER.total_seconds())
    failed = [one["studyUID"] for one in desk.told("pull_report") if one["outcome"] == "failed"]
    assert failed == ([BAD] if another else [])


def test_while_its_pull_moves_it_is_not_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(desk, monkeypatch, ValueError("odd"))
    request = desk.ask(BAD, expected=3)
    desk.store.add(BAD, f"{BAD}.1", 3)
    steps(desk, ENOUGH, 300)
    assert given_up(desk) == []
    desk.end(request)
    assert [one["outcome"] for one in desk.told("pull_report")] == ["failed"]


def test_a_push_is_told_once_and_its_images_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may have them; a pull of the study takes them over."""
    fails(desk, monkeypatch, ValueError("odd"))
    desk.store.add(BAD, f"{BAD}.1", 3)
    steps(desk, ENOUGH, 300)
    assert desk.tables.receptions.of_study(BAD, ReceptionState.RETAINED) is not None
    assert len(desk.store.images) == 3
    steps(desk, ENOUGH, 300)
    (report,) = desk.told("pull_report")
    assert (report["pullID"], report["outcome"]) == ("", "failed")
    assert "ValueError: odd" in report["message"]
    assert len(given_up(desk)) == 1
    again = desk.restarted()
    steps(again, ENOUGH, 300)
    assert len(again.told("pull_report")) == 1, "after a restart as well"


def test_a_pull_whose_end_cannot_be_reported_ends_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(desk.worker, "_without_arrival", breaks)
    desk.end(desk.ask(BAD, expected=3))
    steps(desk, ENOUGH, 300)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["failure"]["words"]) == ("failed", "ValueError: odd")
