"""
A poisoned journal costs only the rows that cannot be read (K8).

Does not prove what pacs_module makes of what is missing then: tests/long/recover/test_k14_records.py.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aipull.hand_over.unchecked_pushes import UncheckedPushes
from aipull.image_validation.quarantine import check_row
from aipull.journal.charges import Charged, ChargeRows
from aipull.journal.damage import DamagedRows, KeptTable, set_damaged_file_aside
from aipull.journal.device_sizes import SizeRows
from aipull.journal.handovers import HandoverRow, HandoverRows
from aipull.journal.journal import Journal
from aipull.journal.pulls import PullRows
from aipull.journal.receptions import ReceptionRows
from aipull.journal.tables import Tables
from aipull.pull.crash_record import CrashRecord
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.receive.reception_state import ReceptionState
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.shared.logs import ContractLog


class Site:
    """A journal with two of everything; the second of each is spoiled by another program."""

    def __init__(self, home: Path) -> None:
        self.path = home / "journal.db"
        self.log = ContractLog(home, "orthanc-python")
        self.events_file = home / "orthanc-python.jsonl"
        self.open()
        for name in ("1", "2"):
            self.tables.pulls.add(PullRequest(name, f"1.2.{name}", "PACS"), 1)
            row = self.tables.receptions.open(f"1.2.{name}", ["o"], False, 1)
            facts = SeriesFacts(f"1.2.{name}.3", {"Modality": "CT"}, 3)
            self.tables.receptions.judge(row, Judged(facts, Verdict(True, "none", "", "")))
            self.tables.handovers.add(
                HandoverRow(name * 32, f"1.2.{name}", ("1.2.3",), 3, f"f{name}"), "f", 1
            )
            self.tables.handovers.keep_notification(name * 32, {"studyUID": f"1.2.{name}"})
            self.journal.to_send(f"1.2.{name}", "notify", {"studyUID": f"1.2.{name}"})

    def open(self) -> None:
        self.journal = Journal(self.path)
        self.tables = Tables(
            self.journal, PullRows(self.journal), ReceptionRows(self.journal), HandoverRows(self.journal)
        )
        self.damage = DamagedRows(self.journal, self.log, [KeptTable("quarantine", "number", check_row)])

    def again(self) -> None:
        self.journal.close()
        self.open()

    def spoil(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as other, other:
            other.execute(statement, values)

    def read_all(self) -> list[object]:
        """Everything that the workers ask for at each step, as counts."""
        receptions = self.tables.receptions.in_state(*ReceptionState)
        return [
            len(self.tables.pulls.unreported()),
            len(receptions),
            sum(len(self.tables.receptions.judged(row)) for row in receptions),
            len(self.tables.handovers.given()),
            len(self.tables.handovers.notifications()),
            len([json.loads(row["body"]) for row in self.journal.outbox_heads()]),
        ]

    def told(self) -> list[dict[str, Any]]:
        lines = self.events_file.read_text().splitlines() if self.events_file.exists() else []
        return [one for one in map(json.loads, lines) if one.get("event") == "journal_rows_damaged"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.journal.close()


WHOLE: list[object] = [2, 2, 2, 2, 2, 2]
PULLS, RECEPTIONS, SERIES, HANDOVERS, NOTIFICATIONS, OUTBOX = range(6)
NESTED = "[" * 100_000


@pytest.mark.parametrize("running", [False, True], ids=["found at the start", "while it runs"])
@pytest.mark.parametrize(
    ("statement", "value", "hit"),
    [
        ("UPDATE pulls SET request = ? WHERE pull_id = '2'", "{", PULLS),
        ("UPDATE pulls SET request = ? WHERE pull_id = '2'", "", PULLS),
        ("UPDATE pulls SET request = ? WHERE pull_id = '2'", NESTED, PULLS),
        ("UPDATE pulls SET request = ? WHERE pull_id = '2'", "[]", PULLS),
        ("UPDATE pulls SET request = ? WHERE pull_id = '2'", '{"pullID": "1", "studyUID": "1.2.1", "pacs": "P"}',
         PULLS),
        ("UPDATE pulls SET request = CAST(? AS TEXT) WHERE pull_id = '2'", b'{"pullID": "\xff\xfe"}', PULLS),
        ("UPDATE pulls SET job_state = ? WHERE pull_id = '2'", "flying", PULLS),
        ("UPDATE pulls SET conclusion = ? WHERE pull_id = '2'", "null]", PULLS),
        ("UPDATE pulls SET moves = ? WHERE pull_id = '2'", "many", PULLS),
        ("UPDATE receptions SET state = ? WHERE study_uid = '1.2.2'", "gone mad", RECEPTIONS),
        ("UPDATE receptions SET orthanc_ids = ? WHERE study_uid = '1.2.2'", "7", RECEPTIONS),
        ("UPDATE receptions SET counted = ? WHERE study_uid = '1.2.2'", '{"1.2": "x"}', RECEPTIONS),
        ("UPDATE receptions SET opened_at = ? WHERE study_uid = '1.2.2'", "yesterday", RECEPTIONS),
        ("UPDATE series SET judged = ? WHERE series_uid = '1.2.2.3'", "{}", SERIES),
        ("UPDATE handovers SET state = ? WHERE study_uid = '1.2.2'", "", HANDOVERS),
        ("UPDATE handovers SET series_uids = ? WHERE study_uid = '1.2.2'", "null", HANDOVERS),
        ("UPDATE notifications SET body = ? WHERE handover_id LIKE '2%'", '"', NOTIFICATIONS),
        ("UPDATE outbox SET body = ? WHERE study_uid = '1.2.2'", "\x00", OUTBOX),
        ("UPDATE outbox SET kind = ? WHERE study_uid = '1.2.2'", "rm -rf", OUTBOX),
    ],
)  # fmt: skip
def test_k08_a_row_that_cannot_be_read_costs_only_itself(
    site: Site, statement: str, value: str | bytes, hit: int, running: bool
) -> None:
    if running:
        assert site.damage.look() == []
    site.spoil(statement, value)
    if not running:
        site.again()
    found = site.damage.look()
    assert len(found) == 1, found
    left = site.read_all()
    expected = [*WHOLE]
    expected[hit] = 1
    if hit == RECEPTIONS:
        expected[SERIES] = 1
    assert left == expected
    (told,) = site.told()
    assert (told["level"], told["number"]) == ("ERROR", 1)
    assert site.damage.look() == [], "looked at once"
    (kept,) = site.journal.rows("SELECT * FROM damaged")
    assert kept["why"] == told["rows"][0]["why"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seq", "much"), ("deaths", "2.5"), ("last_death_at", ""),
        ("unexplained_deaths", "{"), ("unexplained_deaths", "[1, 2]"),
        ("put_back", "{"), ("put_back", "[]"), ("put_back", '{"p1": "soon"}'), ("put_back", '{"p1": null}'),
        ("senders", '{"PACS": [["A"]]}'), ("senders", "7"), ("unproved hand-overs", "[[1]]"),
    ],
)  # fmt: skip
def test_k08_a_note_that_cannot_be_read_is_as_if_it_had_never_been_made(
    site: Site, key: str, value: str
) -> None:
    site.journal.set_meta("epoch", "e")
    site.spoil("INSERT INTO meta VALUES (?, ?)", key, value)
    assert [one[:2] for one in site.damage.look()] == [("meta", key)]
    deaths = CrashRecord(site.journal, site.tables.pulls, site.log)
    deaths.take_up()
    deaths.take_up()
    assert deaths.state()["deaths"] == 1
    assert UncheckedPushes(site.journal).folder_of("1.2") is None
    assert site.journal.meta("epoch") == "e"


def test_k08_sizes_that_are_no_numbers_are_forgotten(site: Site) -> None:
    for number in ("8", "none", "-1"):
        site.spoil("INSERT INTO sizes VALUES ('CT', 'M', ?, '512', 3, ?)", f"model {number}", number)
    assert len(site.damage.look()) == 2
    assert len(site.journal.rows("SELECT * FROM sizes")) == 1
    SizeRows(site.journal)


def test_k08_what_was_set_aside_is_forgotten_with_its_study(site: Site) -> None:
    for name in ("1", "2"):
        site.spoil("UPDATE pulls SET request = '{' WHERE pull_id = ?", name)
    assert len(site.damage.look()) == 2
    site.journal.forget_studies(["1.2.2"])
    (left,) = site.journal.rows("SELECT * FROM damaged")
    assert json.loads(left["row"])["study_uid"] == "1.2.1"
    site.journal.forget_before(left["at"] + 1, 0)
    assert site.journal.rows("SELECT * FROM damaged") == []


def test_k08_a_journal_of_which_nobody_else_wrote_is_looked_through_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    read = site.journal.rows_as_they_are

    def counted(query: str) -> list[sqlite3.Row]:
        looked.append(query)
        return read(query)

    monkeypatch.setattr(site.journal, "rows_as_they_are", counted)
    for _ in range(3):
        site.damage.look()
        site.journal.set_meta("seq", "1")
    assert len(looked) == len(set(looked))


def damage_page(path: Path, page: int, size: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xee" * size)


def fill(path: Path) -> None:
    with closing(Journal(path)) as journal:
        pulls = PullRows(journal)
        for number in range(200):
            pulls.add(PullRequest(f"p{number}", f"1.2.{number}", "PACS"), 1)
        journal.scrub()


@pytest.mark.parametrize("page", ["middle", "last", "half"])
def test_k08_a_file_with_damaged_pages_is_kept_aside_and_a_new_one_begins(tmp_path: Path, page: str) -> None:
    path = tmp_path / "journal.db"
    fill(path)
    pages = path.stat().st_size // 4096
    if page == "half":
        with path.open("r+b") as file:
            file.truncate(pages // 2 * 4096)
    else:
        with closing(sqlite3.connect(path)) as database:
            (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pulls'").fetchone()
        damage_page(path, root if page == "middle" else pages)
    kept = set_damaged_file_aside(path)
    assert kept is not None
    assert kept.name.startswith("journal.db.damaged-")
    assert not path.exists()
    with closing(Journal(path)) as journal:
        assert PullRows(journal).unreported() == []


def test_k08_a_whole_an_empty_an_absent_and_a_foreign_file_stay(tmp_path: Path) -> None:
    whole, empty, absent = tmp_path / "whole.db", tmp_path / "empty.db", tmp_path / "absent.db"
    foreign, folder = tmp_path / "letter.txt", tmp_path / "folder"
    fill(whole)
    empty.touch()
    foreign.write_bytes(b"this is no database" * 500)
    folder.mkdir()
    assert [set_damaged_file_aside(one) for one in (whole, empty, absent, foreign, folder)] == [None] * 5
    with closing(Journal(whole)) as journal:
        assert len(PullRows(journal).unreported()) == 200


@pytest.mark.parametrize("beside", ["-wal", "-shm"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 32, b"no WAL" * 1000], ids=["empty", "zeros", "text"])
def test_k08_a_spoiled_wal_loses_only_what_it_held(tmp_path: Path, beside: str, content: bytes) -> None:
    path = tmp_path / "journal.db"
    fill(path)
    path.with_name(path.name + beside).write_bytes(content)
    assert set_damaged_file_aside(path) is None
    with closing(Journal(path)) as journal:
        assert len(PullRows(journal).unreported()) == 200


@pytest.mark.parametrize("deaths", ["many", 1.5, ""])
def test_k08_a_charge_that_cannot_be_read_is_as_if_it_had_never_been_made(site: Site, deaths: object) -> None:
    charges = ChargeRows(site.journal)
    charges.note("1.2.1", Charged(1, 2), 1)
    site.spoil("INSERT INTO charges VALUES ('1.2.2', ?, 1, 1)", deaths)
    assert [one[:2] for one in site.damage.look()] == [("charges", "1.2.2")]
    assert (charges.of("1.2.1"), charges.of("1.2.2")) == (Charged(1, 2), Charged())


@pytest.mark.parametrize(
    ("column", "value"),
    [("sender", "{"), ("sender", '["one"]'), ("failures", "7"), ("header", "[]"), ("header", NESTED),
     ("state", "flying"), ("bytes", "many"), ("times", None)],
)  # fmt: skip
def test_a_row_of_the_quarantine_costs_only_itself(column: str, value: str | None, site: Site) -> None:
    columns = (
        "study_uid, sop_uid, digest, orthanc_id, state, at, last_at, bytes, is_push, sender, failures, header"
    )
    values = ("1.2.2", "held", 1, 1, 0, 1, '["A", "10.0.0.1", "US"]', "[]", "{}")
    for sop_uid in ("1", "2"):
        row = (values[0], sop_uid, "d", "o", *values[1:])
        site.spoil(f"INSERT INTO quarantine ({columns}) VALUES ({', '.join('?' * 12)})", *row)
    statement = f"UPDATE quarantine SET {column} = ? WHERE sop_uid = '2'"
    try:
        site.spoil(statement, value)
    except sqlite3.IntegrityError:
        pytest.skip("the table itself refuses that")
    assert [table for table, _, _ in site.damage.look()] == ["quarantine"]
    assert len(site.journal.rows("SELECT * FROM quarantine")) == 1
    assert site.read_all() == WHOLE
