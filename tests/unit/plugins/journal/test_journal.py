"""The journal's rows; that SQLite keeps its word over kill -9 is shown in the integration tests."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from aipull.hand_over.folder import HandoverFolder
from aipull.journal.handovers import HandoverRow, HandoverRows
from aipull.journal.journal import Journal
from aipull.journal.pulls import NEW, PullRows
from aipull.journal.receptions import ReceptionRows
from aipull.retention.purge import Purge
from aipull.server.change_log import begin_epoch, same_epoch
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.errors import ConfigurationError, InvalidTransition, MessageError
from pacs_module.domain.json_messages.messages import PullReport, PullRequest
from pacs_module.domain.receive.folder_state import FolderEvent
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.receive.reception_state import ReceptionEvent, ReceptionState
from pacs_module.domain.recover.backup import JOURNAL_SCHEMA
from pacs_module.domain.rules.choice import HandedOver
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.shared.logs import ContractLog

RF = Verdict(False, "modality", "Modality", "RF")
REQUEST = PullRequest("p1", "1.2", "PACS", expected=3, expected_series={"1.2.3": 3}, filtered={"1.2.4": RF})
REPORT = PullReport("r1", "p1", "1.2", "received", message="chosen")


def owed(journal: Journal) -> list[dict[str, Any]]:
    return [json.loads(row["body"]) for row in journal.rows("SELECT * FROM outbox ORDER BY number")]


def test_transaction_is_all_or_nothing_also_when_nested(journal: Journal) -> None:
    def fails() -> None:
        with journal.transaction():
            journal.set_meta("seq", "5")
            with journal.transaction():
                journal.to_send("1.2", "notify", {})
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fails()
    assert (journal.meta("seq", "0"), owed(journal)) == ("0", [])


def test_journal_is_read_again_after_it_was_closed(tmp_path: Path) -> None:
    first = Journal(tmp_path / "again.db")
    PullRows(first).add(REQUEST, 7)
    first.close()
    second = Journal(tmp_path / "again.db")
    (pull,) = PullRows(second).unreported()
    second.close()
    assert (pull.request, pull.asked_at, pull.job_state) == (REQUEST, 7, NEW)


def test_same_pull_twice_is_one(journal: Journal) -> None:
    pulls = PullRows(journal)
    pulls.add(REQUEST, 1)
    pulls.add(PullRequest("p1", "9.9", "OTHER"), 2)
    assert [pull.request.study_uid for pull in pulls.unreported()] == ["1.2"]


@pytest.mark.parametrize("images_first", [True, False])
def test_report_goes_out_once_when_job_and_images_are_both_done(journal: Journal, images_first: bool) -> None:
    pulls = PullRows(journal)
    pulls.add(REQUEST, 1)
    pull = pulls.get("p1")
    assert pull is not None
    steps: list[Callable[[], object]] = [
        lambda: pulls.conclude(pull, REPORT),
        lambda: pulls.ended("p1", 2, "0xB000", 1.5),
    ]
    first, second = steps if images_first else steps[::-1]
    first()
    assert owed(journal) == []
    second()
    pulls.report("p1", REPORT)  # the reception does this where the images were judged first
    (report,) = owed(journal)
    assert (report["message"], report["moveSeconds"]) == ("chosen 0xB000", 1.5)
    assert pulls.unreported() == []


def test_outbox_gives_the_oldest_of_each_study(journal: Journal) -> None:
    for study, kind in (("1", "notify"), ("1", "pull_report"), ("2", "notify")):
        journal.to_send(study, kind, {})
    heads = journal.outbox_heads()
    assert [(row["study_uid"], row["kind"]) for row in heads] == [("1", "notify"), ("2", "notify")]
    journal.sent(heads[0]["number"])
    assert [row["kind"] for row in journal.outbox_heads()] == ["pull_report", "notify"]


def test_receptions_and_their_verdicts_come_back_as_they_were(journal: Journal) -> None:
    rows = ReceptionRows(journal)
    reception = rows.open("1.2", {"b", "a"}, True, 5)
    facts = SeriesFacts(
        "1.2.3", {"Modality": "CT", "SeriesDescription": "胸"}, None, {"SeriesDescription": "c3 90"}
    )
    judged = Judged(facts, Verdict(False, "body part", "BodyPartExamined", "HAND"), at_find=True)
    rows.judge(reception, judged)
    assert rows.judged(reception) == {"1.2.3": judged}
    assert rows.in_state(ReceptionState.OPEN) == [reception]
    assert (reception.orthanc_ids, reception.is_push) == (("a", "b"), True)
    rows.move(reception, ReceptionEvent.FALL_SHORT, 6, {"1.2.3": 4})
    again = rows.open("1.2", {"a"}, False, 7)
    assert rows.get(reception.number).state is ReceptionState.CLOSED
    rows.move(again, ReceptionEvent.CONCLUDE, 8)
    assert rows.delete(again, {"i2", "i1"}, 8).deleting == ("i1", "i2")
    assert rows.of_study("1.2", ReceptionState.OPEN, ReceptionState.DELETING) == rows.get(again.number)


def test_a_reception_that_is_open_cannot_be_deleted(journal: Journal) -> None:
    rows = ReceptionRows(journal)
    reception = rows.open("1.2", {"a"}, False, 1)
    with pytest.raises(InvalidTransition, match="a reception that is open cannot delete"):
        rows.delete(reception, {"i"}, 2)
    assert rows.get(reception.number) == reception


def test_the_words_of_an_earlier_journal_are_translated(tmp_path: Path) -> None:
    former = {
        "open": "open",
        "spent": "concluded",
        "parked": "short",
        "kept": "retained",
        "doomed": "deleting",
        "closed": "closed",
    }
    journal = Journal(tmp_path / "former.db")
    journal.write("ALTER TABLE receptions RENAME COLUMN deleting TO doomed")
    for word in former:
        journal.write(
            "INSERT INTO receptions (study_uid, orthanc_ids, is_push, opened_at, state, doomed, changed_at) "
            "VALUES (?, '[\"o\"]', 0, 1, ?, '[\"i\"]', 1)",
            f"1.2.{word}", word,
        )  # fmt: skip
    rows = ReceptionRows(journal)
    assert {
        row.study_uid.rpartition(".")[2]: row.state.value for row in rows.in_state(*ReceptionState)
    } == former
    assert {row.deleting for row in rows.in_state(*ReceptionState)} == {("i",)}
    journal.close()
    again = Journal(tmp_path / "former.db")
    assert len(ReceptionRows(again).in_state(ReceptionState.DELETING)) == 1
    again.close()


def test_hand_overs_are_numbered_and_lost_ones_do_not_count_as_last(journal: Journal) -> None:
    rows = HandoverRows(journal)
    for number, name in enumerate(["s", "s-2"]):
        assert rows.next_folder("s") == name
        rows.add(HandoverRow(f"h{number}", "1.2", ("1.2.3",), 10 + number, name, reception=7), "s", 1)
    assert rows.last("1.2") == HandedOver(("1.2.3",), 11, 7, "h1")
    first = rows.get("h1")
    assert first is not None
    rows.move(first, FolderEvent.LOSE)
    assert rows.last("1.2") == HandedOver(("1.2.3",), 10, 7, "h0")
    assert [row.folder for row in rows.given()] == ["s"]


def test_new_index_begins_a_new_epoch_and_a_crash_between_repeats_it(journal: Journal) -> None:
    properties: dict[int, str] = {}

    def get(number: int, default: str) -> str:
        return properties.get(number, default)

    def crash(_: int, __: str) -> None:
        raise OSError("crash")

    journal.set_meta("seq", "99")
    assert not same_epoch(journal, get)
    with pytest.raises(OSError, match="crash"):
        begin_epoch(journal, crash, lambda: None)
    assert not same_epoch(journal, get)
    begin_epoch(journal, properties.__setitem__, lambda: None)
    assert same_epoch(journal, get)
    assert journal.meta("seq") == "0"
    properties.clear()
    assert not same_epoch(journal, get)


def test_new_epoch_begins_pulls_again(journal: Journal) -> None:
    pulls = PullRows(journal)
    pulls.add(REQUEST, 1)
    pulls.submitted("p1", 1)
    pull = pulls.get("p1")
    assert pull is not None
    pulls.conclude(pull, REPORT)
    pulls.restart_all()
    again = pulls.get("p1")
    assert again is not None
    assert (again.job_state, again.moves, again.conclusion) == (NEW, 0, None)


def test_old_rows_are_forgotten_and_open_ones_are_not(journal: Journal) -> None:
    pulls = PullRows(journal)
    pulls.add(REQUEST, 1)
    pulls.add(PullRequest("p2", "1.3", "PACS"), 1)
    pull = pulls.get("p1")
    assert pull is not None
    pulls.conclude(pull, REPORT)
    pulls.ended("p1", 2, "", 1.0)
    pulls.report("p1", REPORT)
    HandoverRows(journal).add(HandoverRow("h", "1.2", ("1",), 1, "f"), "f", 1)
    journal.forget_before(100, 100)
    assert [one.request.pull_id for one in pulls.unreported()] == ["p2"]
    assert pulls.get("p1") is None
    assert HandoverRows(journal).get("h")
    assert journal.counts()["handoversGiven"] == 1


def test_a_journal_of_a_newer_version_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        journal.set_meta("seq", "5")
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match=r"schema 99, known \d"):
        Journal(path)
    with closing(sqlite3.connect(path)) as left:
        assert left.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_journal_of_before_there_was_a_version_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        journal.set_meta("seq", "5")
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA user_version = 0")
    with closing(Journal(path)) as journal:
        assert journal.meta("seq") == "5"
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("PRAGMA user_version").fetchone() == (JOURNAL_SCHEMA,)


@pytest.mark.parametrize(
    ("query", "table"),
    [
        ("SELECT * FROM pulls WHERE report IS NULL ORDER BY number", "pulls"),
        ("SELECT * FROM pulls WHERE report IS NULL AND study_uid = '1.2' ORDER BY number", "pulls"),
        ("SELECT * FROM receptions WHERE state IN (SELECT value FROM json_each('[\"open\"]'))", "receptions"),
        ("SELECT COUNT(*) AS count FROM handovers WHERE base = 'x'", "handovers"),
        ("SELECT * FROM handovers WHERE state = 'given' ORDER BY number", "handovers"),
    ],
)
def test_what_each_step_asks_for_is_found_without_reading_all_that_ended(
    journal: Journal, query: str, table: str
) -> None:
    plan = [row["detail"] for row in journal.rows(f"EXPLAIN QUERY PLAN {query}")]
    (of_table,) = (words for words in plan if table in words)
    assert "INDEX" in of_table, plan


def test_the_verdicts_of_a_look_are_one_write(journal: Journal) -> None:
    rows = ReceptionRows(journal)
    reception = rows.open("1.2", ["s1"], False, 1)
    cut_off = Judged(SeriesFacts("1.2.4", {"Modality": object()}, None), RF)  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        rows.judge(reception, Judged(SeriesFacts("1.2.3", {}, None), RF), cut_off)
    assert rows.judged(reception) == {}


def test_what_was_forgotten_is_in_no_file_of_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "age.db")
    pulls, handovers = PullRows(journal), HandoverRows(journal)
    pulls.add(REQUEST, 7)
    for number, state in enumerate(("released", "given")):
        row = HandoverRow(f"h{number}", f"1.2.777.{number}", (), 1, f"folder{number}")
        handovers.add(row, f"base{number}", 7)
        handovers.keep_notification(row.handover_id, {"patientID": f"PATIENT-{number}"})
        if state == "released":
            handovers.move(row, FolderEvent.RELEASE)
    assert journal.forget_before(1000, 1000) == 1
    journal.scrub()
    left = b"".join(file.read_bytes() for file in tmp_path.glob("age.db*"))
    assert b"1.2.777.0" not in left
    assert b"PATIENT-0" not in left
    assert b"PATIENT-1" in left, "its folder is still needed"
    assert pulls.get("p1") is not None, "it runs"
    journal.close()


def test_what_is_open_holds_a_study_and_what_is_not_is_forgotten(tmp_path: Path, journal: Journal) -> None:
    pulls = PullRows(journal)
    purge = Purge(
        journal, HandoverRows(journal), cast(HandoverFolder, None), ContractLog(tmp_path, "plugins")
    )
    pulls.add(REQUEST, 7)
    journal.to_send("1.7", "notify", {})
    body = {"studyUIDs": ["1.2", "1.7", "1.9"], "words": ["1.2"]}
    assert set(purge.forget(body)["inFlight"]) == {"1.2", "1.7"}
    journal.write("UPDATE pulls SET report = '{}'")
    assert purge.forget({**body, "studyUIDs": ["1.2"], "dryRun": True})["journalRows"] == 0
    assert purge.forget({**body, "studyUIDs": ["1.2"]})["journalRows"] == 1
    assert pulls.get("p1") is None
    with pytest.raises(MessageError):
        purge.forget({"studyUIDs": "1.2", "words": []})


def test_the_study_that_came_last_from_a_pacs(journal: Journal) -> None:
    rows = PullRows(journal)
    came = (("p1", "1.2", "A", "received"), ("p2", "1.3", "A", "received"), ("p3", "1.4", "A", "failed"))
    for number, (pull_id, study, pacs, outcome) in enumerate((*came, ("p4", "1.5", "B", "received"))):
        rows.add(PullRequest(pull_id, study, pacs), number)
        rows.submitted(pull_id, 1)
        rows.ended(pull_id, number, "", 1.0)
        rows.report(pull_id, PullReport(f"r{number}", pull_id, study, outcome))
    rows.add(PullRequest("p5", "1.6", "A"), 9)
    assert rows.came_before("A", "1.6") == "1.3"
    assert rows.came_before("A", "1.3") == "1.2"
    assert rows.came_before("C", "1.2") == ""
