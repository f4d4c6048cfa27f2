"""
Moments of reception that a real Orthanc gives only by chance.

What it does not prove: that Orthanc behaves as the store in memory does.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from aipull.hand_over.folder import HandoverFolder
from aipull.receive.conclude import Concluder
from aipull.runtime.clock import now_ms
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.receive.reception_state import ReceptionState
from tests.fakes.orthanc_store import name_of
from tests.fakes.reception_desk import Desk


def test_complete_before_the_jobs_end_is_handed_over_at_once_and_reported_at_the_end(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    assert len(desk.told("notify")) == 1
    assert desk.told("pull_report") == []
    desk.end(request)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["moveSeconds"]) == ("received", 1.5)


def test_images_that_are_not_whole_are_pulled_again(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    images = desk.store.add("1.2", "1.2.1", 5)
    desk.store.stored(images[2]).write_text("")
    desk.step()
    desk.end(request)
    desk.step(5)
    assert images[2] not in desk.store.images
    assert desk.told("notify") == []
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["received"]) == ("short", 4)
    desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 1, first=3)
    desk.step()
    assert desk.told("notify")[0]["numberReceived"] == 5


def test_study_under_two_patient_ids_is_one_hand_over(desk: Desk, tmp_path: Path) -> None:
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 3, patient="P1")
    desk.step()
    desk.store.add("1.2", "1.2.1", 3, first=4, patient="P2")
    desk.step()
    desk.end(request)
    desk.step(3)
    (notification,) = desk.told("notify")
    assert (notification["numberReceived"], notification["patientIDs"]) == (6, ["P1", "P2"])
    assert [note["kind"] for note in notification["notes"]] == ["patient_ids_differ"]
    folder = tmp_path / "handover" / Path(notification["filepath"]).name
    assert [name_of(file) for file in sorted(folder.iterdir())] == [f"P1-1.2.1-{n}" for n in (1, 2, 3)] + [
        f"P2-1.2.1-{n}" for n in (4, 5, 6)
    ]


def test_image_that_arrives_in_the_moment_of_deletion_stays_and_opens_a_new_reception(desk: Desk) -> None:
    request = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(request)
    desk.step(5)  # doomed
    (late,) = desk.store.add("1.2", "1.2.1", 1, first=5)
    desk.deletion.step()
    assert list(desk.store.images) == [late]
    desk.step()
    assert desk.lines().count("new study: 1.2") == 2


def test_pull_asked_for_before_the_deletion_keeps_the_images(desk: Desk) -> None:
    first = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(first)
    desk.ask("1.2", expected=4)
    desk.step(60)
    desk.deletion.step()
    assert len(desk.store.images) == 4


def test_images_that_still_arrive_put_the_deletion_off(desk: Desk) -> None:
    request = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(request)
    desk.step(2)
    desk.store.add("1.2", "1.2.9", 1, BodyPartExamined="HEAD")
    desk.step(1)
    desk.step(2)
    desk.deletion.step()
    assert len(desk.store.images) == 5
    desk.step(2)
    desk.deletion.step()
    assert desk.store.images == {}


def test_growth_after_an_early_end_is_handed_over_again(desk: Desk) -> None:
    request = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.store.add("1.2", "1.2.1", 2, first=5)
    desk.end(request)
    for _ in range(4):
        desk.step(4)
    first, second = desk.told("notify")
    assert (first["numberReceived"], second["numberReceived"], second["isPush"]) == (4, 6, 0)
    assert any(line.startswith("reinform 1.2 last is 4;now ") for line in desk.lines())


def test_images_after_the_final_response_are_waited_for_before_short_is_said(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 4)
    desk.end(request)
    desk.step()
    desk.store.add("1.2", "1.2.1", 1, first=5)
    desk.step(1)
    assert desk.told("pull_report")[0]["completeness"] == "COMPLETE"


def test_short_study_is_parked_over_a_restart(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 4)
    desk.end(request)
    desk.step()
    desk.step(3)
    assert desk.told("pull_report")[0]["outcome"] == "short"
    again = desk.restarted()
    again.step(100)
    assert len(again.store.images) == 4
    assert again.tables.receptions.of_study("1.2", ReceptionState.SHORT)
    final = again.ask("1.2", expected=5, final=True)
    again.end(final, "0xB000")
    for _ in range(3):
        again.step(3)
    assert again.told("notify")[0]["completeness"] == "SHORT 4 of 5"
    report = again.told("pull_report")[1]
    assert report["outcome"] == "received"
    assert report["message"].endswith("0xB000")


def test_late_images_of_a_short_pull_complete_the_parked_study(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 4)
    desk.end(request)
    desk.step()
    desk.step(3)
    desk.store.add("1.2", "1.2.1", 1, first=5)
    desk.step()
    assert desk.told("notify") == []
    desk.step(31)
    assert [(one["completeness"], one["pullID"]) for one in desk.told("notify")] == [("COMPLETE", "")]


def test_what_is_pushed_after_the_clock_was_set_back_is_no_straggler_of_the_last_pull(desk: Desk) -> None:
    request = desk.ask("1.2", expected=4)
    desk.tables.pulls.ended(request.pull_id, now_ms() + 3_600_000, "", 1.5)
    desk.step()
    desk.step(3)
    assert desk.told("pull_report")[0]["outcome"] == "failed"
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.step(100)
    assert [one["isPush"] for one in desk.told("notify")] == [1]


def test_restart_takes_up_what_was_open_without_writing_its_lines_again(desk: Desk) -> None:
    desk.store.add("1.2", "1.2.1", 4, SliceThickness="8")
    desk.step()
    before = desk.lines()
    again = desk.restarted()
    again.step(29)
    assert again.lines() == before
    again.step(2)
    assert again.told("notify")[0]["statecode"] == 801


def test_study_in_orthanc_that_the_journal_does_not_know_is_taken_up(desk: Desk) -> None:
    desk.store.add("1.2", "1.2.1", 4)
    desk.tables.journal.set_meta("seq", "4")  # as if the change log had been cleared
    again = desk.restarted()
    again.step(31)
    assert again.told("notify")[0]["numberReceived"] == 4


def test_store_that_changes_during_the_export_leaves_nothing_and_is_done_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RetriableError("the store changed")

    request = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    with monkeypatch.context() as patch:
        patch.setattr(HandoverFolder, "export", broken)
        desk.step()
    assert desk.sent() == []
    desk.step()
    desk.end(request)
    assert [kind for kind, _ in desk.sent()] == ["notify", "pull_report"]


def test_one_study_that_fails_does_not_hold_up_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    conclude = Concluder.conclude

    def fails_for_one(self: Concluder, received: Any, counted: Any) -> str:
        if received.arrival.row.study_uid == "1.2":
            raise RetriableError("no")
        return conclude(self, received, counted)

    monkeypatch.setattr(Concluder, "conclude", fails_for_one)
    for study in ("1.2", "1.3"):
        desk.ask(study, expected=4)
        desk.store.add(study, f"{study}.1", 4)
    desk.step()
    assert [one["studyUID"] for one in desk.told("notify")] == ["1.3"]


@pytest.mark.parametrize("full", ["hand-over folder", "broken images"])
def test_a_full_disk_at_one_study_does_not_hold_up_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    link, disk_full = os.link, OSError(errno.ENOSPC, "No space left on device")

    def no_space(source: Path, target: Path) -> None:
        if Path(source) in of_the_first:
            raise disk_full
        link(source, target)

    def write(file: Path, content: bytes) -> int:
        raise disk_full

    requests = {study: desk.ask(study, expected=4) for study in ("1.2", "1.3")}
    of_the_first = [desk.store.stored(image) for image in desk.store.add("1.2", "1.2.1", 4)]
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", no_space)
        patch.setattr(Path, "write_bytes", write)
        if full == "broken images":
            patch.setattr(HandoverFolder, "broken", lambda self, series: write(Path(), b""))
        desk.step()  # it stands before the other
        desk.store.add("1.3", "1.3.1", 4)
        desk.step()
        desk.end(requests["1.3"])
        assert [(kind, json.loads(body)["studyUID"]) for kind, body in desk.sent()] == [
            ("notify", "1.3"),
            ("pull_report", "1.3"),
        ]
    desk.end(requests["1.2"])
    assert [(one["studyUID"], one["numberReceived"]) for one in desk.told("notify")] == [
        ("1.3", 4),
        ("1.2", 4),
    ]


def test_study_deleted_by_hand_is_forgotten_and_its_pull_fails(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.store.images.clear()
    desk.end(request)
    for _ in range(4):
        desk.step(3)
    assert desk.told("pull_report")[0]["outcome"] == "failed"


def test_kept_where_delete_after_send_is_off(desk: Desk) -> None:
    object.__setattr__(desk.switches, "delete_after_send", False)
    request = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(request)
    desk.step(5)
    desk.deletion.step()
    assert len(desk.store.images) == 4
    assert desk.tables.receptions.of_study("1.2", ReceptionState.RETAINED)
    again = desk.ask("1.2", expected=4)
    desk.end(again)
    desk.step()
    desk.step(3)
    assert [one["outcome"] for one in desk.told("pull_report")] == ["received", "nothing_new"]


def test_second_pull_of_a_study_that_is_still_here_is_a_reception_of_its_own(desk: Desk) -> None:
    first = desk.ask("1.2", expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(first)
    second = desk.ask("1.2", expected=4, forced=True)
    desk.end(second)
    desk.step()
    desk.step()
    reports = desk.told("pull_report")
    assert [(one["pullID"], one["outcome"]) for one in reports] == [
        (first.pull_id, "received"),
        (second.pull_id, "received"),
    ]
    assert len({one["handoverID"] for one in desk.told("notify")}) == 2


def test_count_that_nobody_announced_is_judged_when_received(desk: Desk) -> None:
    desk.store.add("1.2", "1.2.1", 2)
    desk.store.add("1.2", "1.2.2", 3)
    desk.step()
    assert not [line for line in desk.lines() if "instance nums" in line]
    desk.step(31)
    assert [line for line in desk.lines() if "instance nums" in line] == [
        "A1 P1 1.2 1.2.1 filter because instance nums 2 < 3"
    ]
    assert desk.told("notify")[0]["seriesUID"] == "1.2.2"


def test_series_that_grew_over_its_announced_count_is_judged_again(desk: Desk) -> None:
    request = desk.ask("1.2", expected_series={"1.2.1": 2, "1.2.2": 3})
    desk.store.add("1.2", "1.2.1", 5)
    desk.store.add("1.2", "1.2.2", 3)
    desk.step()
    desk.end(request)
    desk.step(3)
    notification = desk.told("notify")[0]
    assert (notification["seriesUID"], notification["completeness"]) == ("1.2.1", "MORE 5 of 2")


def test_holes_are_judged_where_the_rule_is_on(desk: Desk) -> None:
    object.__setattr__(desk.switches, "filter_consecutive_images", True)
    desk.store.add("1.2", "1.2.1", 3)
    desk.store.add("1.2", "1.2.1", 3, first=7)
    desk.step()
    desk.step(31)
    assert [line for line in desk.lines() if "filter because" in line] == [
        "A1 P1 1.2 1.2.1 filter because consecutive images missing 3"
    ]


@pytest.mark.parametrize(("decoded", "taken"), [("", True), ("1mm", True), ("ÐØ²¿", True), ("头部", False)])
def test_text_that_orthanc_lost_is_read_from_the_bytes_and_the_bytes_are_in_the_log(
    desk: Desk, decoded: str, taken: bool
) -> None:
    text = "胸部1mm" if taken else "头部"
    desk.store.raw = {"0008-103e": text.encode("gbk") + b" "}
    desk.store.add("1.2", "1.2.1", 4, BodyPartExamined="", SeriesDescription=decoded)
    desk.step()
    desk.step(31)
    (notification,) = desk.told("notify")
    assert (notification["statecode"] == 800) is taken
    lines = [line for line in desk.lines() if "filter because" in line]
    assert lines == ([] if taken else [f"A1 P1 1.2 1.2.1 filter because BodyPartExamined: ProtocolName: StudyDescription: "
                                       f"SeriesDescription:头部 [{text.encode('gbk').hex(' ')}] "
                                           "ImageComments:"])  # fmt: skip


DX: dict[str, Any] = {"Modality": "DX", "SliceThickness": ""}


@pytest.mark.parametrize("together", [True, False])
def test_field_case_16_of_radiography_a_series_without_a_word_goes_with_the_chest(
    desk: Desk, together: bool
) -> None:
    request = desk.ask("1.2", expected=3, expected_series={"1.2.1": 1, "1.2.2": 1, "1.2.3": 1}, dx=True)
    desk.store.add("1.2", "1.2.1", 1, **DX, BodyPartExamined="", SeriesDescription="LAT")
    if not together:
        desk.step()
    desk.store.add("1.2", "1.2.2", 1, **DX, BodyPartExamined="CHEST", SeriesDescription="PA")
    desk.store.add("1.2", "1.2.3", 1, **DX, BodyPartExamined="HAND")
    desk.step()
    desk.end(request)
    (notification,) = desk.told("notify")
    assert [one["seriesUID"] for one in notification["series"]] == ["1.2.1", "1.2.2"]
    said = {one["seriesUID"]: (one["taken"], one["because"]) for one in notification["seriesReports"]}
    assert said["1.2.1"] == (True, "no word of another body part, and 1.2.2 is taken")
    assert said["1.2.3"] == (False, "BodyPartExamined HAND")
    filtered = [line.split()[3] for line in desk.lines() if " filter because " in line]
    assert filtered == (["1.2.3"] if together else ["1.2.1", "1.2.3"])


def test_radiography_of_which_no_series_has_a_word_is_filtered_out(desk: Desk) -> None:
    request = desk.ask("1.2", expected=2, dx=True)
    desk.store.add("1.2", "1.2.1", 1, **DX, BodyPartExamined="", SeriesDescription="LAT")
    desk.store.add("1.2", "1.2.2", 1, **DX, BodyPartExamined="HAND")
    desk.step()
    desk.end(request)
    assert desk.told("notify")[0]["statecode"] == 801


def test_what_another_receiver_has_handed_over_is_not_handed_over_again(desk: Desk) -> None:
    request = desk.ask("1.2", expected=4, before_series=("1.2.1",), before_instances=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(request)
    desk.step(5)
    assert [one["outcome"] for one in desk.told("pull_report")] == ["nothing_new"]
    assert desk.told("notify") == []


def test_more_than_another_receiver_has_handed_over_is(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5, before_series=("1.2.1",), before_instances=4)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    desk.end(request)
    desk.step(5)
    assert [one["numberReceived"] for one in desk.told("notify")] == [5]
    assert "receiver" not in desk.told("notify")[0]
