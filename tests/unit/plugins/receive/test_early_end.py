"""
The chosen series goes out as soon as it is decided and whole, whatever else is still to come.

What it does not prove: that Orthanc behaves as the store in memory does, and how fast it is
(benchmarks/reception.py).
"""

from __future__ import annotations

from typing import Any

import pytest

from aipull.pull.missing_images import Lacking, MissingImages
from aipull.receive.reception import ReceptionWorker
from pacs_module.domain.receive.image_origin import PacsWord
from pacs_module.domain.receive.reception_state import ReceptionState
from tests.fakes.reception_desk import Desk

CT = {"Modality": "CT", "BodyPartExamined": "CHEST"}
BOTH: dict[str, Any] = {
    "announced": {
        "1.2.1": {**CT, "SliceThickness": "1"},
        "1.2.2": {**CT, "SliceThickness": "5"},
        "1.2.9": {"Modality": "SR"},
    },
    "expected_series": {"1.2.1": 5, "1.2.2": 4, "1.2.9": 1},
    "expected": 12,  # it counts objects that it never sends
}


def test_the_thin_series_goes_out_while_the_thick_one_still_arrives(desk: Desk) -> None:
    request = desk.ask("1.2", **BOTH)
    desk.store.add("1.2", "1.2.2", 1, SliceThickness="5")
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    assert desk.sent() == []
    desk.store.add("1.2", "1.2.1", 1, first=5)
    desk.step()
    (notification,) = desk.told("notify")
    assert (notification["seriesUID"], notification["numberReceived"], notification["completeness"]) == (
        "1.2.1",
        5,
        "COMPLETE",
    )
    checks = [line for line in desk.lines() if line.startswith("completeness")]
    assert checks == ["completeness check success: series 1.2.1 in pacs is 5,  we have 5 too"]
    # the rest comes, and nothing of it makes a second hand-over; deletion waits for it
    desk.store.add("1.2", "1.2.2", 3, first=2, SliceThickness="5")
    desk.step(10)
    desk.deletion.step()
    assert len(desk.store.images) == 9
    desk.end(request)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["completeness"], report["received"]) == ("received", "COMPLETE", 9)
    assert {one["seriesUID"]: one["received"] for one in report["series"]} == {
        "1.2.1": 5,
        "1.2.2": 4,
        "1.2.9": 0,
    }
    desk.step(4)
    desk.deletion.step()
    assert desk.store.images == {}
    assert len(desk.told("notify")) == 1
    assert not [line for line in desk.lines() if "notinform" in line]


def test_a_series_that_is_still_arriving_is_not_dropped_for_its_number_of_images(desk: Desk) -> None:
    desk.ask("1.2", announced=BOTH["announced"], expected_series={"1.2.1": 5})
    desk.store.add("1.2", "1.2.2", 1, SliceThickness="5")
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    assert len(desk.told("notify")) == 1
    assert not [line for line in desk.lines() if "instance nums" in line]


def test_a_series_that_is_short_when_the_move_breaks_off_is_not_dropped_for_its_number_of_images(
    desk: Desk,
) -> None:
    request = desk.ask("1.2", **BOTH)
    desk.store.add("1.2", "1.2.2", 4, SliceThickness="5")
    desk.store.add("1.2", "1.2.1", 2)  # of the five that the PACS announced; three are the least
    desk.step()
    desk.end(request, "association aborted")
    desk.step(5)
    assert not [line for line in desk.lines() if "instance nums" in line]
    assert desk.told("notify") == []
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 2 of 5")


def test_what_was_announced_otherwise_than_it_is_is_put_right(desk: Desk) -> None:
    request = desk.ask("1.2", **BOTH)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    desk.store.add("1.2", "1.2.2", 4, SliceThickness="0.5")  # thinner than the PACS said, and fewer
    desk.step()
    desk.end(request)
    for _ in range(5):
        desk.step(4)
    first, second = desk.told("notify")
    assert (first["seriesUID"], second["seriesUID"]) == ("1.2.1", "1.2.2")
    assert (second["completeness"], second["isPush"]) == ("COMPLETE", 0)
    assert desk.tables.receptions.of_study("1.2", ReceptionState.DELETING)


def test_short_is_said_of_the_series_that_should_be_computed_only(desk: Desk) -> None:
    request = desk.ask("1.2", **BOTH)
    desk.store.add("1.2", "1.2.2", 4, SliceThickness="5")
    desk.store.add("1.2", "1.2.1", 3)
    desk.end(request)
    desk.step(3)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 3 of 5")
    assert desk.told("notify") == []


def test_images_are_counted_by_their_uids_where_those_are_known(desk: Desk) -> None:
    images = tuple(f"sop-P1-1.2.1-{number}" for number in range(1, 5))
    request = desk.ask("1.2", announced={"1.2.1": CT}, expected_instances={"1.2.1": images})
    desk.store.add("1.2", "1.2.1", 3)
    desk.store.add("1.2", "1.2.1", 1, first=9)  # as many as expected, but not those
    desk.step()
    desk.end(request)
    desk.step(3)
    assert desk.told("pull_report")[0]["completeness"] == "SHORT 3 of 4"
    again = desk.ask("1.2", announced={"1.2.1": CT}, expected_instances={"1.2.1": images})
    desk.store.add("1.2", "1.2.1", 1, first=4)
    desk.answers.says = PacsWord("P1", 5, {"1.2.1": 5}, {"1.2.1": frozenset({*images, "sop-P1-1.2.1-9"})})
    desk.end(again)
    desk.step(3)
    assert desk.answers.asked[-1].series == {"1.2.1"}  # one more than the PACS had: it is asked again
    assert (desk.told("notify")[0]["completeness"], desk.told("notify")[0]["numberReceived"]) == (
        "COMPLETE",
        5,
    )


@pytest.mark.parametrize("level", ["SERIES", "IMAGE"])
def test_what_a_parked_study_lacks(desk: Desk, level: str) -> None:
    request = desk.ask("1.2", **BOTH)
    desk.store.add("1.2", "1.2.1", 3)
    desk.end(request)
    desk.step(3)
    assert desk.tables.receptions.of_study("1.2", ReceptionState.SHORT)
    again = desk.ask("1.2", repair=level, **BOTH)
    repair = MissingImages(desk.store, desk.tables.receptions, desk.rules)
    here = frozenset(f"sop-P1-1.2.1-{number}" for number in (1, 2, 3))
    # the thick one and the report are not waited for, so they are not pulled again
    assert repair.lacking(again) == Lacking({"1.2.1": here}, level == "IMAGE")
    desk.store.add("1.2", "1.2.1", 2, first=4)
    assert repair.lacking(again) == Lacking({}, level == "IMAGE")


def test_what_lacks_is_not_known_without_counts_of_series_or_without_a_short_study(desk: Desk) -> None:
    repair = MissingImages(desk.store, desk.tables.receptions, desk.rules)
    request = desk.ask("1.2", repair="IMAGE", **BOTH)
    assert repair.lacking(request) is None
    desk.store.add("1.2", "1.2.1", 3)
    desk.step()
    assert repair.lacking(request) is not None
    assert repair.lacking(desk.ask("1.2", expected=12, repair="IMAGE")) is None
    assert repair.lacking(desk.ask("1.2", **BOTH)) is None


def test_what_comes_after_an_early_hand_over_is_told_and_makes_no_second_one(desk: Desk) -> None:
    request = desk.ask("1.2", **BOTH, known_handover="")
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    desk.end(request)
    desk.store.add("1.2", "1.2.2", 3, SliceThickness="5")
    for _ in range(4):
        desk.step(4)
    assert len(desk.told("notify")) == 1
    assert [one["pullID"] for one in desk.told("pull_report")] == [request.pull_id, ""]


def test_what_comes_in_the_moment_of_an_early_conclusion_gets_its_verdict(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = ReceptionWorker._conclude

    def amid_more(self: ReceptionWorker, received: Any) -> None:
        desk.store.add("1.2", "1.2.2", 3, SliceThickness="5")
        decide(self, received)

    request = desk.ask("1.2", **BOTH)
    desk.tables.pulls.ended(request.pull_id, 2, "", 1.5)
    desk.store.add("1.2", "1.2.1", 5)
    with monkeypatch.context() as patched:
        patched.setattr(ReceptionWorker, "_conclude", amid_more)
        desk.step()
    for _ in range(4):
        desk.step(4)
    assert len(desk.told("notify")) == 1
    last = {one["seriesUID"]: one for one in desk.told("pull_report")[-1]["series"]}
    assert (last["1.2.2"]["received"], last["1.2.2"]["because"] != "no image came") == (3, True)


def begun_early(desk: Desk, images: int = 5) -> Any:
    """A pull that began when its series had only just stopped growing; asked at second 1000 of the clock."""
    request = desk.ask(
        "1.2",
        at=1_000_000,
        level="SERIES",
        series_uids=("1.2.1",),
        announced={"1.2.1": BOTH["announced"]["1.2.1"]},
        expected_series={"1.2.1": images},
        expected=images,
        count_again_after_s=2.0,
    )
    desk.counts.says = None
    desk.store.add("1.2", "1.2.1", images)
    return request


def test_a_pull_that_began_early_is_concluded_when_the_pacs_has_no_more_images_after_the_quiet_time(
    desk: Desk,
) -> None:
    begun_early(desk)
    desk.step(1.9)
    assert (desk.told("notify"), desk.counts.asked) == ([], []), "the quiet time is not over"
    desk.step(0.2)
    assert desk.told("notify") == [], "the PACS has not answered"
    assert desk.worker.tell("1.2")["whyOpen"]["reason"] == "pacs_asked"  # type: ignore[index]
    assert desk.counts.asked[0].counts_only
    desk.counts.says = PacsWord(series={"1.2.1": 5})
    desk.step(0.1)
    (told,) = desk.told("notify")
    assert (told["numberReceived"], told["completeness"]) == (5, "COMPLETE")


def test_the_pacs_is_asked_while_the_images_still_come(desk: Desk) -> None:
    request = begun_early(desk)
    desk.counts.says = PacsWord(series={"1.2.1": 6})
    desk.tables.pulls.again(request.pull_id)
    desk.step(2.1)
    assert len({one.state for one in desk.counts.asked}) == 1


def test_a_series_that_went_on_after_its_pull_had_begun_is_short_and_never_complete(desk: Desk) -> None:
    request = begun_early(desk)
    desk.counts.says = PacsWord(series={"1.2.1": 8})
    desk.step(2.1)
    desk.end(request)
    assert desk.told("notify") == []
    desk.step(5)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 5 of 8")
    assert desk.told("notify") == []


def test_a_pacs_that_does_not_answer_is_taken_at_its_first_word(desk: Desk) -> None:
    """After as long as any question is waited for (ask_pacs.ANSWER_WAIT_S)."""
    begun_early(desk)
    desk.counts.says = PacsWord()
    desk.step(2.1)
    assert [one["completeness"] for one in desk.told("notify")] == ["COMPLETE"]


def test_a_pull_of_a_series_that_stood_still_asks_nothing_more(desk: Desk) -> None:
    desk.ask("1.2", announced=BOTH["announced"], expected_series={"1.2.1": 5})
    desk.counts.says = None
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    assert len(desk.told("notify")) == 1
    assert desk.counts.asked == []
