"""
Whose images are handed over, at the reception desk: what the PACS is asked, what is left out, deleted and
told.

The judgement: tests/unit/domain/receive/test_k01_whose_images.py; with a real Orthanc:
tests/integration/receive/test_k01_identity.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aipull.receive.arriving_study import Told
from aipull.runtime.clock import now_ms
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.image_origin import PacsWord, Sender
from tests.fakes.orthanc_store import name_of
from tests.fakes.reception_desk import Desk

NODE = ("NODE2", "10.0.0.7")
STRANGER = ("STRANGER", "10.0.0.66")
HOUR_AGO = 3_600_000


def listed(count: int, patient: str = "P1", first: int = 1) -> PacsWord:
    return PacsWord(patient, count, {"1.2.1": count}, {"1.2.1": sops(range(first, first + count))})


def sops(numbers: range) -> frozenset[str]:
    return frozenset(f"sop-P1-1.2.1-{number}" for number in numbers)


def finish(desk: Desk, request: Any, error: str = "") -> dict[str, Any]:
    """End a pull; its report."""
    before = len(desk.told("pull_report"))
    desk.end(request, error)
    for _ in range(3):
        desk.step(3)
    reports = desk.told("pull_report")[before:]
    return reports[0]


def kinds(report: dict[str, Any]) -> list[str]:
    return [note["kind"] for note in report["notes"]]


def files(desk: Desk, tmp_path: Path, place: int = -1) -> list[str]:
    folder = tmp_path / "handover" / Path(desk.told("notify")[place]["filepath"]).name
    return [name_of(file) for file in sorted(folder.iterdir())]


def test_corrected_between_two_pulls_it_is_handed_over_under_the_new_one(desk: Desk, tmp_path: Path) -> None:
    first = desk.ask("1.2", at=now_ms() - HOUR_AGO, expected=24)
    desk.store.add("1.2", "1.2.1", 12, patient="OLD1", received_at=now_ms() - HOUR_AGO)
    assert finish(desk, first)["completeness"] == "SHORT 12 of 24"
    desk.answers.says = listed(24, "NEW1")
    second = desk.ask("1.2", at=now_ms() - 60_000, expected=24)
    desk.store.add("1.2", "1.2.1", 24, patient="NEW1", received_at=now_ms())
    report = finish(desk, second)
    assert (report["outcome"], report["completeness"], report["received"]) == ("received", "COMPLETE", 24)
    assert kinds(report) == ["patient_id_corrected"]
    assert files(desk, tmp_path) == [f"NEW1-1.2.1-{number}" for number in range(1, 25)]
    notification = desk.told("notify")[0]
    assert (notification["identity"]["PatientID"], notification["patientIDs"]) == ("NEW1", ["NEW1"])
    desk.deletion.step()
    assert desk.store.images == {}


def test_corrected_and_only_the_missing_images_came_the_others_are_pulled_again(
    desk: Desk, tmp_path: Path
) -> None:
    first = desk.ask("1.2", at=now_ms() - HOUR_AGO, expected=24)
    desk.store.add("1.2", "1.2.1", 12, patient="OLD1", received_at=now_ms() - HOUR_AGO)
    finish(desk, first)
    desk.answers.says = listed(24, "NEW1")
    second = desk.ask("1.2", at=now_ms() - 60_000, expected=24)
    desk.store.add("1.2", "1.2.1", 12, first=13, patient="NEW1", received_at=now_ms())
    report = finish(desk, second)
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 12 of 24")
    assert {image["patient"] for image in desk.store.images.values()} == {"NEW1"}  # the old copies are gone
    third = desk.ask("1.2", expected=24)
    desk.store.add("1.2", "1.2.1", 12, patient="NEW1", received_at=now_ms() + 1000)
    assert finish(desk, third)["completeness"] == "COMPLETE"
    assert len(files(desk, tmp_path)) == 24


def test_a_strangers_images_that_lie_here_are_set_aside_and_told(desk: Desk, tmp_path: Path) -> None:
    desk.store.add(
        "1.2",
        "1.2.1",
        20,
        first=50,
        patient="P9",
        sender=STRANGER,
        BodyPartExamined="HEAD",
        AccessionNumber="X9",
    )
    desk.step()
    desk.answers.says = listed(20)
    request = desk.ask("1.2", expected=20)
    desk.store.add("1.2", "1.2.1", 20)
    report = finish(desk, request)
    assert (report["outcome"], report["completeness"], report["received"]) == ("received", "COMPLETE", 20)
    assert kinds(report) == ["set_aside"]
    assert "20 images from STRANGER at 10.0.0.66 under PatientID P9" in report["notes"][0]["words"]
    (notification,) = desk.told("notify")
    assert (notification["identity"]["PatientID"], notification["identity"]["AccessionNumber"]) == (
        "P1",
        "A1",
    )
    assert (notification["isPush"], notification["callingAPTitle"]) == (0, "GEPACS")
    assert files(desk, tmp_path) == [f"P1-1.2.1-{number}" for number in range(1, 21)]


def test_the_pacs_is_not_asked_about_ordinary_images(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 5, patient="P1  ")
    desk.step()
    assert len(desk.told("notify")) == 1  # while the pull still runs
    report = finish(desk, request)
    assert (desk.answers.asked, report["notes"]) == ([], [])


def test_two_patient_ids_of_the_pacs_are_marked(desk: Desk) -> None:
    desk.answers.says = PacsWord("P2", 6)
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 3)
    desk.store.add("1.2", "1.2.1", 3, first=4, patient="P2")
    report = finish(desk, request)
    assert (report["outcome"], kinds(report)) == ("received", ["patient_ids_differ"])
    assert desk.told("notify")[0]["patientIDs"] == ["P2", "P1"]


def test_two_patient_ids_of_the_pacs_are_held_back_where_the_site_wants_it(desk: Desk) -> None:
    object.__setattr__(desk.switches, "hold_back_different_patient_ids", True)
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 3)
    desk.store.add("1.2", "1.2.1", 3, first=4, patient="P2")
    report = finish(desk, request)
    assert report["outcome"] == "filtered"
    assert desk.told("notify")[0]["message"] == "held back: the PACS sends it under the PatientIDs P1, P2"


@pytest.mark.parametrize("patient", ["P1 ", " P1", "P1   ", "  P1  "])
def test_padding_of_a_patient_id_is_no_difference(desk: Desk, patient: str) -> None:
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 3)
    desk.store.add("1.2", "1.2.1", 3, first=4, patient=patient)
    report = finish(desk, request)
    assert (report["outcome"], report["completeness"], report["notes"]) == ("received", "COMPLETE", [])


@pytest.mark.parametrize("patient", ["", "P2", "p1", "P1X", "P 1"])
def test_a_real_difference_of_the_patient_id_is_marked(desk: Desk, patient: str) -> None:
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 3)
    desk.store.add("1.2", "1.2.1", 3, first=4, patient=patient)
    assert kinds(finish(desk, request)) == ["patient_ids_differ"]


def test_images_that_a_stranger_has_overwritten_are_pulled_again(desk: Desk, tmp_path: Path) -> None:
    begun = now_ms() - 1000
    desk.answers.says = listed(20)
    request = desk.ask("1.2", at=begun, expected=20)
    desk.store.add("1.2", "1.2.1", 19)
    desk.step()
    desk.store.add("1.2", "1.2.1", 8, sender=STRANGER)
    desk.store.add("1.2", "1.2.1", 1, first=20)
    report = finish(desk, request)
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 12 of 20")
    assert kinds(report) == ["not_from_pacs"]
    assert desk.told("notify") == []
    again = desk.ask("1.2", expected=20)
    desk.store.add("1.2", "1.2.1", 8)
    assert finish(desk, again)["completeness"] == "COMPLETE"
    assert len(files(desk, tmp_path)) == 20


def test_a_stranger_who_calls_itself_as_the_pacs_is_found_by_the_second_coming(desk: Desk) -> None:
    request = desk.ask("1.2", at=now_ms() - 1000, expected=20)
    desk.store.add("1.2", "1.2.1", 19)
    desk.store.add("1.2", "1.2.1", 5)
    desk.store.add("1.2", "1.2.1", 1, first=20)
    report = finish(desk, request)
    assert (report["outcome"], report["completeness"], kinds(report)) == (
        "short",
        "SHORT 15 of 20",
        ["sent_twice"],
    )


def test_without_any_count_overwritten_images_are_short_too(desk: Desk) -> None:
    desk.answers.says = PacsWord("P1")
    request = desk.ask("1.2", at=now_ms() - 1000)
    desk.store.add("1.2", "1.2.1", 20)
    desk.store.add("1.2", "1.2.1", 8, sender=STRANGER)
    desk.end(request)
    for _ in range(12):
        desk.step(3)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 12 of 20")


def test_another_node_of_the_pacs_is_learned_and_not_asked_about_again(desk: Desk) -> None:
    desk.answers.says = listed(6)
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 6, sender=NODE)
    desk.step()
    assert desk.told("notify") == []  # until the end of the pull the PACS's own may still replace it
    report = finish(desk, request)
    assert (report["completeness"], kinds(report)) == ("COMPLETE", ["sender_learned"])
    asked = len(desk.answers.asked)
    other = desk.ask("1.3", expected=6)
    desk.store.add("1.3", "1.3.1", 6, sender=NODE)
    desk.step()
    assert [one["completeness"] for one in desk.told("notify")] == ["COMPLETE", "COMPLETE"]
    assert (finish(desk, other)["notes"], len(desk.answers.asked)) == ([], asked)


def test_a_sender_that_the_settings_name_is_not_asked_about(desk: Desk) -> None:
    request = desk.ask("1.2", expected=6, senders=("NODE2@10.0.0.7",))
    desk.store.add("1.2", "1.2.1", 6, sender=NODE)
    desk.step()
    assert len(desk.told("notify")) == 1
    assert (finish(desk, request)["notes"], desk.answers.asked) == ([], [])


def test_a_sender_of_whom_the_pacs_says_nothing_is_handed_over_unverified(desk: Desk) -> None:
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 6, sender=NODE)
    report = finish(desk, request, error="0xB000")
    assert (report["outcome"], report["completeness"]) == (
        "short",
        "UNVERIFIED",
    )  # the pull failed: pulled again
    final = desk.ask("1.2", expected=6, final=True)
    desk.store.add("1.2", "1.2.1", 6, sender=NODE)
    assert finish(desk, final)["completeness"] == "UNVERIFIED"
    assert desk.told("notify")[0]["numberReceived"] == 6


def test_the_study_waits_while_the_pacs_is_asked(desk: Desk) -> None:
    desk.answers.says = None
    request = desk.ask("1.2", expected=6)
    desk.store.add("1.2", "1.2.1", 6, sender=NODE)
    desk.end(request)
    desk.step(60)
    assert desk.sent() == []
    arrival = desk.worker._arrivals.get("1.2")
    assert arrival is not None
    assert arrival.why_open is not None
    assert arrival.why_open.reason == "pacs_asked"
    desk.answers.says = listed(6)
    desk.step(1)
    assert desk.told("notify")[0]["completeness"] == "COMPLETE"


@pytest.mark.parametrize(
    ("word", "completeness", "told"),
    [
        (PacsWord("P1", 25, {"1.2.1": 25}), "COMPLETE", []),
        (PacsWord("P1", 25), "COMPLETE", []),
        (PacsWord("P1", 24, {"1.2.1": 24}), "MORE 25 of 24", ["more_than_announced"]),
        (PacsWord(), "MORE 25 of 24", ["more_than_announced"]),
        (PacsWord("P1", 30), "SHORT 25 of 30", []),
    ],
)
def test_more_than_announced_the_pacs_is_asked_again(
    desk: Desk, word: PacsWord, completeness: str, told: list[str]
) -> None:
    desk.answers.says = word
    request = desk.ask("1.2", expected=24)
    desk.store.add("1.2", "1.2.1", 25)
    report = finish(desk, request)
    assert (report["completeness"], kinds(report)) == (completeness, told)


def test_a_25th_image_after_the_hand_over_is_asked_about(desk: Desk) -> None:
    desk.answers.says = PacsWord("P1", 24)
    request = desk.ask("1.2", expected=24)
    desk.store.add("1.2", "1.2.1", 24)
    desk.step()
    desk.store.add("1.2", "1.2.1", 1, first=25)
    finish(desk, request)
    for _ in range(3):
        desk.step(4)
    assert [one["completeness"] for one in desk.told("notify")] == ["COMPLETE", "MORE 25 of 24"]


@pytest.mark.parametrize("delete", [True, False])
def test_what_was_asked_after_the_conclusion_does_not_stay_in_memory(desk: Desk, delete: bool) -> None:
    object.__setattr__(desk.switches, "delete_after_send", delete)
    desk.answers.says = PacsWord("P1", 24)
    request = desk.ask("1.2", expected=24)
    desk.store.add("1.2", "1.2.1", 24)
    desk.step()
    desk.end(request)
    desk.store.add("1.2", "1.2.2", 1, BodyPartExamined="HEAD")  # late, and no hand-over
    for _ in range(4):
        desk.step(4)
    assert "1.2" not in desk.worker._arrivals
    assert desk.answers.asked
    assert desk.answers.kept == set()


def test_an_image_in_two_series_of_a_radiograph_counts_once_and_is_told(desk: Desk) -> None:
    views: dict[str, Any] = {"Modality": "DX", "SliceThickness": ""}
    request = desk.ask("1.2", expected=2, dx=True)
    desk.store.add("1.2", "1.2.1", 2, **views)
    (copy,) = desk.store.add("1.2", "1.2.2", 1, **views)
    desk.store.images[copy]["sop"] = "sop-P1-1.2.1-1"
    file = desk.store.stored(copy)
    file.write_bytes(file.read_bytes().replace(b"sop-P1-1.2.2-1", b"sop-P1-1.2.1-1"))
    report = finish(desk, request)
    assert (report["completeness"], report["received"], kinds(report)) == (
        "COMPLETE",
        2,
        ["same_image_twice"],
    )


def test_a_series_uid_that_is_none_is_set_aside(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 5)
    desk.store.add("1.2", "../../x", 4)
    report = finish(desk, request)
    assert (report["outcome"], report["completeness"], kinds(report)) == (
        "received",
        "COMPLETE",
        ["set_aside"],
    )


def test_after_a_restart_an_unknown_senders_images_are_pulled_again(desk: Desk) -> None:
    desk.answers.says = listed(6)
    request = desk.ask("1.2", at=now_ms() - 60_000, expected=6)
    desk.store.add("1.2", "1.2.1", 6, sender=NODE)
    again = desk.restarted()
    again.answers.says = listed(6)
    assert finish(again, request)["completeness"] == "SHORT 0 of 6"


def test_a_file_that_is_another_image_is_not_published_but_pulled_again(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    images = desk.store.add("1.2", "1.2.1", 5)
    file = desk.store.stored(images[2])
    file.write_bytes(file.read_bytes().replace(b"sop-P1-1.2.1-3", b"sop-P1-1.2.1-9"))
    report = finish(desk, request)
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 4 of 5")
    assert (desk.told("notify"), images[2] in desk.store.images) == ([], False)


def test_learned_senders_outlive_a_restart(desk: Desk) -> None:
    desk.worker._identify.senders.learn("PACS", [Sender(*NODE)])
    again = desk.restarted()
    again.ask("1.2", expected=6)
    again.store.add("1.2", "1.2.1", 6, sender=NODE)
    again.step()
    assert len(again.told("notify")) == 1


def pushed(desk: Desk, count: int, sender: tuple[str, str] = STRANGER) -> dict[str, Any]:
    """A device pushes a study that a PACS knows; the notification."""
    desk.store.add("1.2", "1.2.1", count, sender=sender)
    desk.step()
    arrival = desk.worker._arrivals.get("1.2")
    assert arrival is not None
    request = PullRequest("", "1.2", "PACS", expected=count, patient_id="P1")
    arrival.told = Told(request, arrival.last_image, settled=True)
    desk.step()
    return desk.told("notify")[-1]


def test_what_somebody_unknown_pushes_is_handed_over_unverified_and_to_be_compared(desk: Desk) -> None:
    notification = pushed(desk, 5)
    assert (notification["completeness"], notification["isPush"]) == ("UNVERIFIED", 1)
    assert notification["announced"] == {"pacs": "PACS", "expected": 5, "proved": False}


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("released", [True, False])
def test_the_pacs_own_images_take_the_place_of_others_that_were_pushed(
    desk: Desk, same: bool, released: bool
) -> None:
    first = pushed(desk, 5)
    desk.step(5)
    desk.deletion.step()
    if released:
        desk.folder.remove(Path(first["filepath"]).name)
    request = desk.ask("1.2", expected=5)
    images = desk.store.add("1.2", "1.2.1", 5)
    if not same:
        file = desk.store.stored(images[3])
        content = file.read_bytes()
        file.write_bytes(content[:3] + b"X" + content[4:])  # other pixels
    report = finish(desk, request)
    if same and not released:
        assert (report["outcome"], len(desk.told("notify"))) == ("nothing_new", 1)
    else:
        assert (report["outcome"], report["completeness"], len(desk.told("notify"))) == (
            "received",
            "COMPLETE",
            2,
        )
    again = desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 5)
    assert finish(desk, again)["outcome"] == "nothing_new"  # proved now


def test_what_a_known_sender_pushes_is_complete_by_the_pacs_count(desk: Desk) -> None:
    notification = pushed(desk, 5, sender=("GEPACS", "192.168.1.150"))
    assert (notification["completeness"], notification["announced"].get("proved")) == ("COMPLETE", None)
