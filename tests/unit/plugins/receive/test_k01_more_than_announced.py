"""
A PACS has one image more than it announced, and the study is concluded early with exactly the announced
number: the verdict is put right in whatever order image, conclusion, end of the job and report come (K1).

With a real Orthanc: tests/integration/receive/test_k01_identity.py, "counts one less than it has".
"""

from __future__ import annotations

from typing import Any

import pytest

from aipull.receive.reception import ReceptionWorker
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.image_origin import PacsWord
from tests.fakes.reception_desk import Desk

STRANGER = ("STRANGER", "10.0.0.66")
CT = {"Modality": "CT", "BodyPartExamined": "CHEST"}
ANNOUNCED: dict[str, dict[str, Any]] = {
    "of the study": {"expected": 11},
    "of the series": {"announced": {"1.2.1": CT}, "expected_series": {"1.2.1": 11}},
}


def early(desk: Desk, counted: str = "of the study", says: int | None = 11) -> PullRequest:
    """A pull that was concluded with the eleven images that were announced, while its job still runs."""
    desk.answers.says = None if says is None else PacsWord("P1", says, {"1.2.1": says})
    request = desk.ask("1.2", **ANNOUNCED[counted])
    desk.store.add("1.2", "1.2.1", 11)
    desk.step()
    assert [one["completeness"] for one in desk.told("notify")] == ["COMPLETE"]
    return request


def one_more(desk: Desk, **values: Any) -> None:
    desk.store.add("1.2", "1.2.1", 1, first=12, **values)


def rest(desk: Desk) -> None:
    for _ in range(4):
        desk.step(4)


def verdicts(desk: Desk) -> list[tuple[int, str]]:
    return [(one["numberReceived"], one["completeness"]) for one in desk.told("notify")]


def notes(document: dict[str, Any]) -> list[str]:
    return [note["kind"] for note in document["notes"]]


def test_the_image_is_here_before_anybody_looks(desk: Desk) -> None:
    desk.answers.says = PacsWord("P1", 11)
    request = desk.ask("1.2", expected=11)
    desk.store.add("1.2", "1.2.1", 12)
    desk.step()
    desk.end(request)
    rest(desk)
    assert verdicts(desk) == [(12, "MORE 12 of 11")]
    (report,) = desk.told("pull_report")
    assert (report["completeness"], notes(report)) == ("MORE 12 of 11", ["more_than_announced"])


def test_the_image_comes_amid_the_conclusion(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    conclude = ReceptionWorker._conclude

    def amid(self: ReceptionWorker, received: Any) -> None:
        one_more(desk)
        conclude(self, received)

    desk.answers.says = PacsWord("P1", 11)
    request = desk.ask("1.2", expected=11)
    desk.store.add("1.2", "1.2.1", 11)
    with monkeypatch.context() as patched:
        patched.setattr(ReceptionWorker, "_conclude", amid)
        desk.step()
    desk.end(request)
    rest(desk)
    assert verdicts(desk)[-1] == (12, "MORE 12 of 11")
    assert desk.told("pull_report")[0]["completeness"] == "MORE 12 of 11"


@pytest.mark.parametrize("counted", ANNOUNCED)
def test_the_image_comes_between_the_conclusion_and_the_end_of_the_job(desk: Desk, counted: str) -> None:
    request = early(desk, counted)
    one_more(desk)
    desk.step()
    desk.end(request)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["received"]) == ("received", 12)
    assert (report["completeness"], notes(report)) == ("MORE 12 of 11", ["more_than_announced"])
    rest(desk)
    assert verdicts(desk) == [(11, "COMPLETE"), (12, "MORE 12 of 11")]
    assert notes(desk.told("notify")[-1]) == ["more_than_announced"]


def test_the_image_comes_after_the_change_log_was_read_and_the_job_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = early(desk)
    read = desk.worker._arrivals.take_changes

    def just_missed() -> None:
        read()
        one_more(desk)
        desk.tables.pulls.ended(request.pull_id, 2, "", 1.5)

    with monkeypatch.context() as patched:
        patched.setattr(desk.worker._arrivals, "take_changes", just_missed)
        desk.step()
    assert desk.told("pull_report")[0]["completeness"] == "MORE 12 of 11"
    rest(desk)
    assert verdicts(desk)[-1] == (12, "MORE 12 of 11")


def test_the_image_comes_after_the_report(desk: Desk) -> None:
    request = early(desk)
    desk.end(request)
    assert [one["completeness"] for one in desk.told("pull_report")] == ["COMPLETE"]
    one_more(desk)
    rest(desk)
    assert verdicts(desk) == [(11, "COMPLETE"), (12, "MORE 12 of 11")]
    late = desk.told("pull_report")[-1]
    assert (late["pullID"], late["afterPull"]) == ("", request.pull_id)
    assert (late["completeness"], notes(late)) == ("MORE 12 of 11", ["more_than_announced"])


def test_the_image_is_of_a_series_that_is_not_computed(desk: Desk) -> None:
    desk.answers.says = PacsWord("P1", 11)
    request = desk.ask("1.2", expected=11)
    desk.store.add("1.2", "1.2.1", 10)
    desk.store.add("1.2", "1.2.9", 1, Modality="SR")
    desk.step()
    desk.end(request)
    desk.store.add("1.2", "1.2.9", 1, first=2, Modality="SR")
    rest(desk)
    assert verdicts(desk) == [(10, "COMPLETE")]
    first, late = desk.told("pull_report")
    assert (first["completeness"], late["completeness"]) == ("COMPLETE", "MORE 12 of 11")
    assert (late["afterPull"], late["received"], notes(late)) == (
        request.pull_id,
        12,
        ["more_than_announced"],
    )


@pytest.mark.parametrize("ended_first", [False, True])
def test_the_pacs_has_grown_meanwhile(desk: Desk, ended_first: bool) -> None:
    request = early(desk, says=12)
    if ended_first:
        desk.end(request)
        one_more(desk)
    else:
        one_more(desk)
        desk.end(request)
    rest(desk)
    assert verdicts(desk) == [(11, "COMPLETE"), (12, "COMPLETE")]
    assert {one["completeness"] for one in desk.told("pull_report")} == {"COMPLETE"}
    assert desk.told("notify")[-1]["notes"] == []


def test_the_report_waits_for_the_word_of_the_pacs_and_no_longer(desk: Desk) -> None:
    request = early(desk, says=None)
    one_more(desk)
    desk.end(request)
    assert desk.told("pull_report") == []
    desk.step(1)
    assert desk.told("pull_report") == []
    desk.answers.says = PacsWord()  # it says nothing, for as long as anybody waits
    desk.step(60)
    (report,) = desk.told("pull_report")
    assert report["completeness"] == "MORE 12 of 11"


def test_the_report_of_a_restarted_orthanc_has_the_true_verdict(desk: Desk) -> None:
    request = early(desk)
    one_more(desk)
    desk.tables.pulls.ended(request.pull_id, 2, "", 1.5)
    again = desk.restarted()
    again.answers.says = PacsWord("P1", 11)
    rest(again)
    assert again.told("pull_report")[0]["completeness"] == "MORE 12 of 11"
    assert verdicts(again)[-1] == (12, "MORE 12 of 11")


@pytest.mark.parametrize("patient", ["P1", "P9"])
def test_the_image_is_a_strangers(desk: Desk, patient: str) -> None:
    request = early(desk)
    desk.answers.says = PacsWord("P1", 11, {"1.2.1": 11}, {"1.2.1": frozenset(_sops(11))})
    one_more(desk, patient=patient, sender=STRANGER)
    desk.end(request)
    rest(desk)
    assert verdicts(desk) == [(11, "COMPLETE")]
    (report, *_) = desk.told("pull_report")
    assert (report["completeness"], report["received"], notes(report)) == ("COMPLETE", 11, ["set_aside"])


def test_an_image_that_is_overwritten_after_its_hand_over_takes_no_verdict_back(desk: Desk) -> None:
    request = early(desk)
    desk.clock.now += 1
    desk.store.add("1.2", "1.2.1", 1, first=3, sender=STRANGER)
    desk.end(request)
    rest(desk)
    assert verdicts(desk) == [(11, "COMPLETE")]
    assert desk.told("pull_report")[0]["completeness"] == "COMPLETE"
    assert notes(desk.told("pull_report")[0]) == ["not_from_pacs"]


ORDERS = ("12 13 end", "12 end 13", "end 12 13", "end 12 while 13", "12 while end while 13", "end 13 12")


@pytest.mark.parametrize("order", ORDERS)
def test_two_images_more_than_announced(desk: Desk, order: str) -> None:
    request = early(desk)
    for what in order.split():
        if what == "end":
            desk.end(request)
        elif what == "while":
            desk.step(4)
            desk.step(4)
        else:
            desk.store.add("1.2", "1.2.1", 1, first=int(what))
    rest(desk)
    assert verdicts(desk)[-1] == (13, "MORE 13 of 11")
    assert desk.told("pull_report")[-1]["completeness"] == "MORE 13 of 11"


def _sops(count: int) -> list[str]:
    return [f"sop-P1-1.2.1-{number}" for number in range(1, count + 1)]
