"""
The auditor sees what it is there for. Held against folders and files made by hand; with real servers in
tests/chaos.
"""

from __future__ import annotations

import ast
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.audit import auditor, identity
from tests.chaos.audit.auditor import (
    Audit,
    Poison,
    Sources,
    Wanted,
    audit,
    audit_all,
    move_seconds,
    running_moves,
)
from tests.chaos.audit.identity import AtPlatform, Poisoned, Truth

STUDY, THIN, THICK = "1.2.3", "1.2.3.1", "1.2.3.2"
IMAGES = {THIN: ["1.2.3.1.1", "1.2.3.1.2"], THICK: ["1.2.3.2.1"]}
WANTED = Wanted(STUDY, "CT", (THIN,))


class Place:
    """All sources of an auditor, as files that a test fills."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "handover").mkdir()
        self.record: list[Mapping[str, Any]] = []
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.outbox: list[tuple[str, str]] = []
        self.receptions: list[tuple[str, str]] = []
        self.pulls: list[tuple[str, str, float | None]] = []
        self.sources = Sources(
            pacs=("pacs", "", ""), receiver=("receiver", "", ""), record=folder / "record.jsonl",
            store=folder / "study.db",
            journal=folder / "journal.db", handover_folder=folder / "handover",
        )  # fmt: skip

    def write(self) -> Sources:
        lines = [json.dumps(entry) for entry in self.record]
        self.sources.record.write_text("\n".join([*lines, '{"event": "comp']), encoding="utf-8")
        with closing(sqlite3.connect(self.sources.store)) as store, store:
            store.execute("CREATE TABLE study_info_list (studyUID TEXT, document TEXT)")
            rows = [(uid, json.dumps(document)) for uid, document in self.documents.items()]
            store.executemany("INSERT INTO study_info_list VALUES (?, ?)", rows)
        with closing(sqlite3.connect(self.sources.journal)) as journal, journal:
            journal.execute("CREATE TABLE outbox (study_uid TEXT, kind TEXT)")
            journal.execute(
                "CREATE TABLE pulls (pull_id TEXT, report TEXT, study_uid TEXT, job_state TEXT, "
                "move_seconds REAL)"
            )
            journal.execute("CREATE TABLE receptions (study_uid TEXT, state TEXT)")
            journal.executemany("INSERT INTO outbox VALUES (?, ?)", self.outbox)
            journal.executemany("INSERT INTO receptions VALUES (?, ?)", self.receptions)
            journal.executemany("INSERT INTO pulls VALUES ('', 'a report', ?, ?, ?)", self.pulls)
        return self.sources

    def computed(self, key: str, images: Sequence[str] = tuple(IMAGES[THIN]), study: str = STUDY) -> None:
        self.record.append({"event": "accepted", "studyUID": study, "idempotencyKey": key})
        self.record.append(
            {"event": "computed", "studyUID": study, "idempotencyKey": key, "sopInstanceUIDs": list(images)}
        )

    def known(self, state: str | None, *keys: str, message_state: str = "done", **more: Any) -> None:
        items = [{"handoverID": key, "messageState": message_state} for key in keys]
        self.documents[STUDY] = {"state": state, "why": "words", "handovers": items, **more}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    def ask(server: tuple[str, str, str], what: str) -> list[Any]:
        if server[0] == "receiver":
            return []
        if what.startswith("series"):
            return [{"ID": uid, "MainDicomTags": {"SeriesInstanceUID": uid}} for uid in IMAGES]
        pairs = [(series, uid) for series, uids in IMAGES.items() for uid in uids]
        return [{"ParentSeries": series, "MainDicomTags": {"SOPInstanceUID": uid}} for series, uid in pairs]

    monkeypatch.setattr(auditor, "ask", ask)
    return Place(tmp_path)


def look(place: Place) -> Audit:
    return audit(place.write(), [WANTED])


def test_all_is_well(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a")
    found = audit_all(place.write(), [WANTED])
    assert (found.computed, found.settled, found.clean) == (1, True, True)


@pytest.mark.parametrize("state", ["completed", "unsupported_series", "pull_failed", "dead_letter", None])
def test_settled_without_a_computation_is_lost(place: Place, state: str | None) -> None:
    place.known(state)
    found = look(place)
    assert len(found.lost) == 1
    assert "nothing computed" in found.lost[0]
    assert found.stuck == []


def test_a_part_of_the_images_is_lost_too(place: Place) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.known("completed", "a")
    assert "2 images wanted, [1] computed" in look(place).lost[0]


def test_the_wrong_series_is_lost_too(place: Place) -> None:
    place.computed("a", IMAGES[THICK])
    place.known("completed", "a")
    assert len(look(place).lost) == 1


@pytest.mark.parametrize("state", ["meta_only", "pull_data", "pull_data_end"])
def test_under_way_is_stuck_and_not_lost(place: Place, state: str) -> None:
    place.known(state)
    found = look(place)
    assert (len(found.stuck), found.lost) == (1, [])


def test_never_found_is_stuck(place: Place) -> None:
    assert "not found" in look(place).stuck[0]


def test_a_result_that_is_not_written_down_is_stuck(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a", message_state="accepted")
    assert "no result of hand-over a" in look(place).stuck[0]


def test_due_work_is_stuck_but_for_the_release(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a", due={"release": 5})
    assert look(place).settled


def test_due_publishing_is_stuck(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a", due={"publish": 5})
    assert "due for publish" in look(place).stuck[0]


def test_twice_with_one_key(place: Place) -> None:
    place.computed("a")
    place.computed("a")
    place.known("completed", "a")
    found = look(place)
    assert (len(found.twice_same_key), found.twice_other_key) == (1, [])


def test_twice_with_two_keys_that_the_pipeline_knows(place: Place) -> None:
    place.computed("a")
    place.computed("b")
    place.known("completed", "a", "b")
    found = look(place)
    assert (len(found.twice_other_key), found.faults) == (1, [])


def test_twice_with_a_key_that_the_pipeline_does_not_know(place: Place) -> None:
    place.computed("a")
    place.computed("b")
    place.known("completed", "a")
    assert "b, unknown to the pipeline" in look(place).unnoticed[0]


@pytest.mark.parametrize("first", [IMAGES[THIN][:1], IMAGES[THICK]], ids=["fewer images", "another series"])
def test_grown_and_computed_again_is_not_twice(place: Place, first: list[str]) -> None:
    place.computed("a", first)
    place.computed("b")
    place.known("completed", "a", "b")
    found = look(place)
    assert (found.computed, found.twice_other_key, found.faults) == (1, [], [])
    assert found.in_part == [f"CT ({STUDY}): [1] of 2 images computed"]


def test_grown_and_not_computed_again_is_lost(place: Place) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.known("completed", "a")
    found = look(place)
    assert (len(found.lost), found.computed) == (1, 0)


def test_grown_and_not_known_to_have_grown_is_unnoticed(place: Place) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.computed("b")
    place.known("completed", "b")
    assert "a, unknown to the pipeline" in look(place).unnoticed[0]


def test_a_part_that_is_the_last_word_is_a_loss(place: Place) -> None:
    place.computed("a")
    place.computed("b", IMAGES[THIN][:1])
    place.known("completed", "a", "b")
    assert look(place).lost == [f"CT ({STUDY}): computed whole, but its last result is that of b"]


def test_a_part_and_then_twice_the_whole_is_a_double_of_the_whole_only(place: Place) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.computed("b")
    place.computed("c")
    place.known("completed", "a", "b", "c")
    found = look(place)
    assert found.twice_other_key == [f"CT ({STUDY}): the same images computed as b, c"]
    assert found.faults == []


def test_what_nobody_wanted(place: Place) -> None:
    place.computed("a")
    place.computed("b", ["9"], study="9.9")
    place.known("completed", "a")
    assert len(look(place).unwanted) == 1
    assert audit(place.sources, [WANTED], others=["9.9"]).unwanted == []


def test_what_is_wrong_for_good_is_at_rest(place: Place) -> None:
    found = told(place, {FIRST: ("P2", PIXELS[FIRST])})
    assert (found.at_rest, found.clean) == (True, False)
    found.leftovers = ["a hand-over folder"]
    assert not found.at_rest


def test_leftovers(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a")
    place.outbox, place.receptions = [(STUDY, "notify")], [(STUDY, "short"), (STUDY, "closed")]
    for name in (".tmp-x", "given"):
        (place.folder / "handover" / name).mkdir()
    found = audit_all(place.write(), [WANTED])
    assert found.half_written == [".tmp-x"]
    assert not found.clean
    assert len([line for line in found.leftovers if "folder" in line]) == 2
    assert [line for line in found.leftovers if "folder" not in line] == [
        f"notify of {STUDY} not yet told", f"reception of {STUDY} is short"
    ]  # fmt: skip


def test_a_move_runs_when_the_journal_says_so(place: Place) -> None:
    place.pulls = [(STUDY, "submitted", None), ("2", "ended", 7.0), ("3", "new", None)]
    assert running_moves(place.write()) == {STUDY}
    assert move_seconds(place.sources.journal, {STUDY, "2"}) == [7.0]


# --- whose images ---

PIXELS = {uid: f"pixels of {uid}" for uids in IMAGES.values() for uid in uids}
JUDGED = Wanted(STUDY, "CT", (THIN,), Truth(PIXELS, ("OLD", "P1")))


FIRST, SECOND = IMAGES[THIN]


def told(place: Place, other: Mapping[str, tuple[str, str]], completeness: str = "COMPLETE") -> Audit:
    """
    The thin series computed as ``a``, under P1 and as in the PACS but for ``other``: by UID what it was.
    """
    place.computed("a")
    images = {uid: ("P1", PIXELS[uid]) for uid in IMAGES[THIN]} | dict(other)
    place.record[-1] = {**place.record[-1], "images": images}
    place.known("completed", "a")
    place.documents[STUDY]["handovers"][0]["completeness"] = completeness
    return audit(place.write(), [JUDGED])


def test_the_pacs_own_images_are_no_fault(place: Place) -> None:
    found = told(place, {})
    assert (found.faults, found.computed) == ([], 1)


@pytest.mark.parametrize("patient", ["P1 ", " P1", "P1   "])
def test_blanks_are_no_other_patient(place: Place, patient: str) -> None:
    assert told(place, {FIRST: (patient, PIXELS[FIRST])}).faults == []


@pytest.mark.parametrize("patient", ["P2", "", "STRANGER"])
def test_an_image_of_another_patient_is_told(place: Place, patient: str) -> None:
    found = told(place, {FIRST: (patient, PIXELS[FIRST])})
    assert f"a: 1.2.3.1.1 is of {patient!r}, in the PACS of 'P1'" in found.wrong_patient[0]
    assert "images of 2 PatientIDs in one hand-over" in found.wrong_patient[1]
    assert "called COMPLETE" in found.wrong_complete[0]
    assert len(found.faults) == 3
    assert found.settled, "nothing is lost by it"


def test_an_image_from_before_the_correction_beside_one_from_after_it_is_told(place: Place) -> None:
    found = told(place, {FIRST: ("OLD", PIXELS[FIRST])})
    assert len(found.wrong_patient) == 1
    assert "'OLD', 'P1'" in found.wrong_patient[0]


def test_all_images_from_before_the_correction_are_no_fault(place: Place) -> None:
    assert told(place, {uid: ("OLD", PIXELS[uid]) for uid in IMAGES[THIN]}).faults == []


def test_other_pixels_under_the_same_uid_are_told(place: Place) -> None:
    found = told(place, {SECOND: ("P1", "a stranger's")}, "SHORT 2 of 3")
    assert found.wrong_patient == [f"CT ({STUDY}): a: 1.2.3.1.2 has other pixels than in the PACS"]
    assert (found.wrong_complete, found.uncertain) == ([], [])


def test_other_pixels_that_are_called_unverified_are_counted_and_no_fault(place: Place) -> None:
    found = told(place, {SECOND: ("P1", "a stranger's")}, "UNVERIFIED")
    assert found.uncertain == [f"CT ({STUDY}): a: UNVERIFIED, 1 images of other pixels"]
    assert found.faults == []


def test_another_patient_is_a_fault_whatever_it_is_called(place: Place) -> None:
    assert (
        len(told(place, {uid: ("P2", PIXELS[uid]) for uid in IMAGES[THIN]}, "UNVERIFIED").wrong_patient) == 2
    )


def test_an_image_that_is_in_no_pacs_is_told_in_any_computation(place: Place) -> None:
    place.computed("a", [*IMAGES[THIN], "9.9"])
    images = {uid: ("P1", PIXELS.get(uid, "?")) for uid in (*IMAGES[THIN], "9.9")}
    place.record[-1] = {**place.record[-1], "images": images}
    place.computed("b")
    place.known("completed", "a", "b")
    found = audit(place.write(), [JUDGED])
    assert found.wrong_patient == [f"CT ({STUDY}): a: 9.9 is in no PACS"]
    assert found.lost == []


def test_many_wrong_images_are_counted_and_not_listed() -> None:
    truth = Truth({"1": "x"}, ("P1",))
    entry = {"images": {str(number): ("P1", "y") for number in range(10, 30)}}
    assert identity.wrong_images(truth, entry)[-1] == "and 17 more"


def test_complete_and_not_all_of_it_is_told(place: Place) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.known("completed", "a")
    place.documents[STUDY]["handovers"][0]["completeness"] = "COMPLETE"
    found = audit(place.write(), [JUDGED])
    assert found.wrong_complete == [f"CT ({STUDY}): a: called COMPLETE, and 1 of 2 images, 0 others"]


@pytest.mark.parametrize("completeness", ["SHORT 1 of 2", "UNVERIFIED", "MORE 25 of 24", ""])
def test_what_is_not_called_complete_is_no_wrong_complete(place: Place, completeness: str) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.known("completed", "a")
    place.documents[STUDY]["handovers"][0]["completeness"] = completeness
    assert audit(place.write(), [JUDGED]).wrong_complete == []


def test_complete_and_then_grown_is_judged_by_the_last_hand_over(place: Place) -> None:
    place.computed("a", IMAGES[THIN][:1])
    place.computed("b")
    place.known("completed", "a", "b")
    for item in place.documents[STUDY]["handovers"]:
        item["completeness"] = "COMPLETE"
    assert audit(place.write(), [JUDGED]).faults == []


# --- poison ---

POISONED = Poisoned("6.6", "poisoned CT")


@pytest.mark.parametrize(
    ("deaths", "alive"),
    [({}, 0), ({"Orthanc": 3}, 0), ({"Orthanc": 4}, 1), ({"Orthanc": 1, "backend": 9}, 1)],
)
def test_a_process_may_die_three_times_of_one_poisoned_study(
    place: Place, deaths: dict[str, int], alive: int
) -> None:
    place.computed("a")
    place.known("completed", "a")
    place.documents["6.6"] = {"state": "pull_failed", "why": "poison", "handovers": []}
    found = audit(place.write(), [WANTED], poison=Poison([POISONED], deaths))
    assert len(found.poison_alive) == len(found.faults) == alive


def test_poison_that_is_tried_on_and_on_is_alive(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a")
    place.documents["6.6"] = {"state": "pull_data", "why": "attempt 1", "handovers": []}
    found = audit(place.write(), [WANTED], poison=Poison([POISONED]))
    assert found.poison_alive == ["poisoned CT (6.6): state pull_data, attempt 1"]
    assert not found.clean


def test_it_shares_no_code_with_the_pipeline() -> None:
    tree = ast.parse(
        "\n".join(Path(str(one.__file__)).read_text(encoding="utf-8") for one in (auditor, identity)).replace(
            "from __future__ import annotations", ""
        )
    )
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not {name.split(".")[0] for name in modules} & {
        "pacs_module",
        "stack",
        "demo",
        "hospital_sim",
        "orthanc",
    }


def at_platform(place: Place, half_seen: tuple[str, ...] = (), **shown: tuple[str, str]) -> Audit:
    """A study that was computed, with these images at the platform: SOPInstanceUID's last number to patient and pixels."""
    place.computed("a")
    place.known("completed", "a")
    images = {uid: shown[f"n{number}"] for number, uid in enumerate(ALL_IMAGES) if f"n{number}" in shown}
    sources = replace(place.write(), platform=AtPlatform({STUDY: images}, half_seen))
    pixels = {uid: f"pixels {number}" for number, uid in enumerate(ALL_IMAGES)}
    return audit(sources, [replace(WANTED, truth=Truth(pixels, ("P1",)))])


ALL_IMAGES = (*IMAGES[THIN], *IMAGES[THICK])
N0, N1, N2 = (("P1", f"pixels {number}") for number in range(3))


def test_equal_on_both_sides(place: Place) -> None:
    assert at_platform(place, n0=N0, n1=N1).faults == []


def test_what_is_not_at_the_platform_is_lost(place: Place) -> None:
    assert at_platform(place, n0=N0).lost == [f"CT ({STUDY}): 1 of 2 images are not at the platform"]


def test_what_is_still_to_be_uploaded_is_stuck_and_not_lost(place: Place) -> None:
    place.computed("a")
    place.known("completed", "a", due={"upload.region": 5})
    found = audit(replace(place.write(), platform=AtPlatform()), [WANTED])
    assert (len(found.stuck), found.lost) == (1, [])


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (("P2", "pixels 1"), "is of 'P2'"),
        (("P1", "others"), "has other pixels"),
    ],
)
def test_other_images_at_the_platform(place: Place, second: tuple[str, str], words: str) -> None:
    found = at_platform(place, n0=N0, n1=second)
    assert words in found.wrong_patient[0]


def test_a_series_that_was_not_wanted_at_the_platform(place: Place) -> None:
    assert "was not wanted there" in at_platform(place, n0=N0, n1=N1, n2=N2).wrong_patient[0]


def test_seen_half_at_the_platform(place: Place) -> None:
    found = at_platform(place, (f"H001/{STUDY}/one.dcm",), n0=N0, n1=N1)
    assert "seen half" in found.wrong_complete[0]
