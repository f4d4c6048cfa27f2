"""
Reports and quality records to a platform with bad habits, out of a view, by HL7 over real sockets, and back to the RIS
(E7, E8).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from hospital_sim.platform.registry import Habits, PlatformServer, Registry
from pacs_module.adapters.report_exchange.ledger import ledger_of
from pacs_module.adapters.report_exchange.mllp import MllpClient, MllpServer
from pacs_module.adapters.report_exchange.platform import HttpPlatform
from pacs_module.adapters.report_exchange.report_view import ReportColumns, SqlReportView
from pacs_module.adapters.report_exchange.ris_reports import to_fhir, to_folder, to_mllp
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import Busy, ConfigurationError, PermanentError, RetriableError, Unreachable
from pacs_module.domain.report_exchange.entry import Entry, EntryKind, EntryState, Taken
from pacs_module.domain.report_exchange.fhir import read_diagnostic_report
from pacs_module.domain.report_exchange.quality import read_quality
from pacs_module.domain.report_exchange.report import Report
from pacs_module.domain.retry import RetryPolicy
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from pacs_module.use_cases.report_exchange.compare_reports import CompareReports
from pacs_module.use_cases.report_exchange.send_entries import SendEntries
from pacs_module.use_cases.report_exchange.take_entries import TakeEntries
from stack.ports import free_ports
from tests.fakes.world import FakeClock, FakeLog
from tests.support.servers.raw_http import answer_of, raw_server

TODAY = date(2026, 11, 30)
YESTERDAY = TODAY - timedelta(days=1)
POLICY = RetryPolicy(2**31, timedelta(seconds=10), timedelta(minutes=15))


@dataclass
class Site:
    """A ledger in a real SQLite file, and a platform behind real HTTP."""

    store: SqliteStore
    url: str
    registry: Registry
    clock: FakeClock = field(default_factory=FakeClock)
    log: FakeLog = field(default_factory=FakeLog)

    def __post_init__(self) -> None:
        self.ledger = ledger_of(self.store)
        self.leases = LeaseHolder(leases_of(self.store), "a process", self.clock, self.log)
        self.take = TakeEntries(self.ledger, self.clock, self.log)
        self.platform = HttpPlatform(self.url, "H-01", key="a-platform-key")

    def sender(
        self, kind: EntryKind = EntryKind.REPORT, recipient: Any = None, batch: int = 100
    ) -> SendEntries:
        recipient = recipient or self.platform
        return SendEntries(kind, recipient, self.ledger, self.leases, self.clock, self.log, POLICY, batch)

    def comparison(self, view: SqlReportView | None = None) -> CompareReports:
        return CompareReports(
            self.ledger,
            self.take,
            self.sender(),
            self.platform,
            view,
            self.leases,
            lambda: TODAY,
            self.clock,
            self.log,
        )

    def entry(self, key: str, kind: EntryKind = EntryKind.REPORT) -> Entry:
        found = self.ledger.get(kind, key)
        assert found is not None
        return found

    def run(self, sender: SendEntries, tries: int = 30) -> None:
        """Send until nothing waits, as the loop does, over the pauses."""
        for _ in range(tries):
            try:
                while sender():
                    pass
            except RetriableError:
                pass
            if EntryState.WAITING not in self.ledger.counts(sender.kind):
                return
            self.clock.pass_seconds(900)
        pytest.fail(f"still waiting: {self.ledger.counts(sender.kind)}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    registry = Registry()
    with PlatformServer(registry, key="a-platform-key") as server:
        store = SqliteStore(tmp_path / "store.db")
        yield Site(store, server.url, registry)
        store.close()


def report(serial: str, text: str = "no nodule", day: date = YESTERDAY, **more: Any) -> Report:
    return Report(serial=serial, day=day.isoformat(), conclusion=text, **more)


HABITS = {
    "well": Habits(),
    "500 five times": Habits(fails=5),
    "cut after it stored, three times": Habits(drops=3),
    "no JSON twice": Habits(garbage=2),
    "every third not named in the answer": Habits(silent=3),
    "one that it cannot parse": Habits(poison="R-7"),
    "two that it refuses": Habits(refuses={"R-3": "no such patient", "R-4": "no such order"}),
}


@pytest.mark.parametrize("habit", HABITS)
def test_everything_arrives_once_in_its_version_whatever_the_platform_does(site: Site, habit: str) -> None:
    site.registry.habits = HABITS[habit]
    for number in range(25):
        assert site.take(report(f"R-{number}").content("api")) is Taken.NEW
    if habit.startswith("one"):
        for _ in range(8):
            try_once(site)
        assert site.entry("R-7").state is EntryState.WAITING
        assert site.entry("R-7").tries > 1
        assert len(site.registry.versions()) == 24, "one that cannot be parsed there costs only itself"
        site.registry.habits.poison = ""
    site.run(site.sender(batch=10))
    refused = set(site.registry.habits.refuses)
    assert set(site.registry.versions()) == {f"R-{number}" for number in range(25)} - refused
    assert {one.key for one in site.ledger.in_state(EntryKind.REPORT, EntryState.REFUSED, 10)} == refused
    for key in refused:
        assert site.entry(key).reason == site.registry.habits.refuses[key]


def try_once(site: Site) -> None:
    sender = site.sender(batch=10)
    while sender():
        pass
    site.clock.pass_seconds(900)


def test_a_platform_that_is_away_costs_no_entry_a_try(site: Site) -> None:
    site.registry.habits.away = True
    for number in range(5):
        site.take(report(f"R-{number}").content("api"))
    for _ in range(3):
        with pytest.raises(RetriableError):
            site.sender(batch=2)()
    tries = sum(site.entry(f"R-{number}").tries for number in range(5))
    assert tries <= 3, "one alone was tried by itself each time, and then it was the platform's fault"
    site.registry.habits.away = False
    site.run(site.sender())
    assert len(site.registry.versions()) == 5


def test_a_wrong_key_is_told_and_nothing_is_lost(site: Site) -> None:
    site.platform = HttpPlatform(site.url, "H-01", key="another")
    site.take(report("R-1").content("api"))
    with pytest.raises(Busy, match="401: look at its address and key"):
        site.sender()()
    assert (site.entry("R-1").state, site.entry("R-1").tries) == (EntryState.WAITING, 0)


def test_a_report_that_changed_is_sent_again_as_a_new_version(site: Site) -> None:
    site.take(report("R-1", "nodule").content("api"))
    site.run(site.sender())
    assert site.take(report("R-1", "no nodule").content("api")) is Taken.CHANGED
    assert site.take(report("R-1", "no nodule").content("api")) is Taken.KNOWN
    site.run(site.sender())
    assert site.registry.versions() == {"R-1": 2}
    assert site.registry.held["reports"]["R-1"]["conclusion"] == "no nodule"
    assert site.entry("R-1").former[0].version == 1


def test_a_change_while_it_is_being_sent_is_not_lost(site: Site) -> None:
    site.take(report("R-1", "first").content("api"))

    class Between:
        """Takes the entry, and before its answer is noted the hospital changes the report."""

        def send(self, entries: Any) -> Any:
            taking = site.platform.send(entries)
            if site.entry("R-1").version == 1:
                site.take(report("R-1", "second").content("api"))
            return taking

    sender = site.sender(recipient=Between())
    sender()
    assert (site.entry("R-1").state, site.entry("R-1").version) == (EntryState.WAITING, 2)
    site.run(sender)
    assert site.registry.versions() == {"R-1": 2}


# --- comparison, out of a view ---


@dataclass
class Ris:
    """A RIS with its view, in SQLite."""

    path: Path

    def __post_init__(self) -> None:
        self.write(
            "CREATE TABLE reports (no TEXT, day TEXT, accession TEXT, patient TEXT, text TEXT, state TEXT)"
        )

    def write(self, sql: str, rows: Any = ((),)) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executemany(sql, rows)
            connection.commit()

    def add(self, *rows: tuple[str, ...]) -> None:
        self.write("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?)", rows)

    def view(self) -> SqlReportView:
        columns = ReportColumns(
            serial="no", day="day", accession_number="accession", patient_id="patient", conclusion="text",
            findings="", status="state",
        )  # fmt: skip
        return SqlReportView(
            f"sqlite:///{self.path}", "reports", columns, {"审核": "final", "修改": "corrected"}, "%Y%m%d"
        )


def row(number: int, text: str = "clear", day: str = "20261129") -> tuple[str, ...]:
    return f"R-{number:05}", day, f"A-{number}", f"P-{number}", text, "审核"


def test_a_day_of_two_thousand_with_missing_changed_and_doubled_ones_ends_equal(
    site: Site, tmp_path: Path
) -> None:
    ris = Ris(tmp_path / "ris.db")
    ris.add(*(row(number) for number in range(2000)))
    ris.add(*(row(number) for number in range(0, 40, 2)))  # twice the same
    ris.add(*(row(number, "clear, and signed") for number in range(1, 40, 2)))  # twice, and not the same
    site.registry.habits = Habits(forgets=100)  # named as accepted, and gone: one of a hundred
    compare, view = site.comparison(ris.view()), ris.view()
    first = compare.one_day(YESTERDAY)
    assert (first["here"], first["there"], first["equal"]) == (2000, 2000, True)
    assert first["queries"] == 2, "the list once, what was missing again, the list once more"
    assert site.registry.taken == 2000, "only what was missing was sent again"
    ris.write(
        "UPDATE reports SET text = 'nodule', state = '修改' "
        "WHERE no IN (SELECT DISTINCT no FROM reports ORDER BY no DESC LIMIT 20)"
    )
    second = compare.one_day(YESTERDAY)
    assert (second["equal"], second["queries"]) == (True, 1)
    assert sorted(set(site.registry.versions().values())) == [1, 2]
    assert sum(version == 2 for version in site.registry.versions().values()) == 20
    again = compare.one_day(YESTERDAY)
    assert (again["equal"], again["queries"], site.registry.taken) == (True, 1, 2020), "nothing is sent twice"
    held = {key: one["conclusion"] for key, one in site.registry.held["reports"].items()}
    rows = [one for one in view.of_day(YESTERDAY) if isinstance(one, Report)]
    assert all(held[one.serial] == one.conclusion for one in rows if one.serial >= "R-00040")
    assert {held[f"R-{number:05}"] for number in range(1, 40, 2)} == {"clear, and signed"}
    view.close()


def test_rows_that_cannot_be_read_cost_only_themselves(site: Site, tmp_path: Path) -> None:
    ris = Ris(tmp_path / "ris.db")
    ris.add(
        row(1), ("", "20261129", "", "", "no number", "审核"), ("R-X", "20261129", "", "", "x", "weg"), row(2)
    )
    compare = site.comparison(ris.view())
    assert compare.one_day(YESTERDAY)["here"] == 2
    assert site.log.keys.count("report_unreadable") == 2


def test_a_view_that_gives_more_than_is_read_is_told_and_not_cut(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs_module.adapters.report_exchange.report_view.MAX_REPORTS", 3)
    ris = Ris(tmp_path / "ris.db")
    ris.add(*(row(number) for number in range(3)))
    assert site.comparison(ris.view()).one_day(YESTERDAY)["here"] == 3
    ris.add(row(3))
    with pytest.raises(PermanentError, match="more than 3 rows"):
        site.comparison(ris.view()).one_day(YESTERDAY)


def test_what_only_the_platform_has_is_told_and_not_removed(site: Site) -> None:
    site.registry.held["reports"]["Z-1"] = {"serial": "Z-1", "version": 1, "day": YESTERDAY.isoformat()}
    site.take(report("R-1").content("api"))
    told = site.comparison().one_day(YESTERDAY)
    assert (told["equal"], told["strange"], told["missingCount"]) == (False, ["Z-1"], 0)
    assert "Z-1" in site.registry.versions()


def test_both_days_are_compared_and_remembered_for_the_page(site: Site) -> None:
    site.take(report("R-1").content("api"))
    site.take(report("R-2", day=TODAY).content("api"))
    compare = site.comparison()
    assert compare() is False
    memo = site.leases.leases.memo("exchange comparison")
    assert {day: memo[day]["equal"] for day in memo} == {"2026-11-29": True, "2026-11-30": True}  # type: ignore[index]


def test_quality_records_go_the_same_way(site: Site) -> None:
    told = {"id": "S-1", "kind": "spot_check", "day": "2026-11-29", "checked": 20, "passed": 19}
    site.take(read_quality(told).content("api"))
    site.run(site.sender(EntryKind.QUALITY))
    assert site.registry.held["records"]["S-1"]["counts"] == {"checked": 20, "passed": 19}


# --- killed while it sends ---

_SENDER = """
import sys, os
from datetime import timedelta
from pathlib import Path
from pacs_module.adapters.report_exchange.platform import HttpPlatform
from pacs_module.adapters.machine import SystemClock, process_is_gone, this_process
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.adapters.report_exchange.ledger import ledger_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.report_exchange.entry import EntryKind
from pacs_module.domain.retry import RetryPolicy
from pacs_module.shared.logs import ContractLog
from pacs_module.use_cases.report_exchange.send_entries import SendEntries
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from zoneinfo import ZoneInfo
store = SqliteStore(sys.argv[1]); clock = SystemClock(ZoneInfo("Asia/Shanghai")); log = ContractLog(Path(sys.argv[3]), "dcm_end")
leases = LeaseHolder(leases_of(store), this_process(), clock, log, timedelta(seconds=30), process_is_gone)
platform = HttpPlatform(sys.argv[2], "H-01", key="a-platform-key")
send = SendEntries(EntryKind.REPORT, platform, ledger_of(store), leases, clock, log, RetryPolicy(2**31), batch=10)
print(os.getpid(), flush=True)
while send():
    pass
"""


def test_killed_between_the_answer_and_the_note_of_it_nothing_is_lost(site: Site, tmp_path: Path) -> None:
    for number in range(50):
        site.take(report(f"R-{number}").content("api"))
    kills, running = [1, 3, 4], dict[str, subprocess.Popen[str]]()

    def kill() -> None:
        if kills and len(site.registry.calls) >= kills[0]:
            kills.pop(0)
            os.kill(running["sender"].pid, signal.SIGKILL)

    site.registry.habits.after_storing = kill
    ends = []
    while EntryState.WAITING in site.ledger.counts(EntryKind.REPORT):
        command = [sys.executable, "-c", _SENDER, str(tmp_path / "store.db"), site.url, str(tmp_path)]
        running["sender"] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ends.append(running["sender"].wait(60))
        assert running["sender"].stdout is not None
        running["sender"].stdout.close()
        assert len(ends) < 10
    assert ends.count(-signal.SIGKILL) == 3
    assert site.registry.versions() == {f"R-{number}": 1 for number in range(50)}
    assert 50 < site.registry.taken <= 80, (
        "what was stored and not noted was sent again under the same version"
    )


# --- HL7 over MLLP ---

ORU = (
    "MSH|^~\\&|RIS|H|AIPULL||20261130120000||ORU^R01|{control}|P|2.5.1||||||{charset}\r"
    "PID|1||P-7^^^H||王^五\r"
    "OBR|1|A-1|{serial}|71250^胸部CT|||20261129101010|||||||||||||||20261130115900||CT|F|||||||7&王&医生\r"
    "OBX|1|TX|59776-5^Findings^LN||右肺结节\\.br\\8 mm||||||F\r"
    "OBX|2|TX|19005-8^Impression^LN||随访||||||F\r"
)


@dataclass
class Desk:
    """What an MLLP server took."""

    taken: list[tuple[Report, str]] = field(default_factory=list)
    fails: Exception | None = None

    def __call__(self, one: Report, source: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.taken.append((one, source))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def mllp(desk: Desk) -> Iterator[MllpServer]:
    server = MllpServer("127.0.0.1", 0, ("127.0.0.0/8",), desk, FakeLog())
    server.start()
    yield server
    server.stop()


def say(port: int, *messages: bytes) -> list[bytes]:
    """Send frames over one connection; the answers to each."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for message in messages:
            connection.sendall(b"\x0b" + message + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r") and (piece := connection.recv(65536)):
                answer += piece
            answers.append(answer)
    return answers


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("UNICODE UTF-8", "utf-8"), ("GB 18030-2000", "gb18030"), ("", "gb18030"), ("", "utf-8")],
)
def test_a_report_is_acknowledged_after_it_is_kept(
    mllp: MllpServer, desk: Desk, charset: str, codec: str
) -> None:
    message = ORU.format(serial="R-9", control="42", charset=charset).encode(codec)
    (answer,) = say(mllp.port, message)
    assert b"MSA|AA|42" in answer
    ((one, source),) = desk.taken
    assert source == "hl7 127.0.0.1"
    assert (one.serial, one.accession_number, one.patient_id, one.day) == ("R-9", "A-1", "P-7", "2026-11-30")
    assert (one.findings, one.conclusion, one.author) == ("右肺结节\n8 mm", "随访", "王 医生")


def test_several_reports_in_one_message_are_told_apart(mllp: MllpServer, desk: Desk) -> None:
    first, second = (ORU.format(serial=one, control="1", charset="UNICODE UTF-8") for one in ("R-1", "R-2"))
    both = first + second.replace("8 mm", "9 mm").partition("PID")[2].partition("\r")[2]
    (answer,) = say(mllp.port, both.encode())
    assert b"MSA|AA|1" in answer
    assert [(one.serial, one.findings[-4:]) for one, _ in desk.taken] == [("R-1", "8 mm"), ("R-2", "9 mm")]


@pytest.mark.parametrize(
    "message",
    [
        b"", b"hello", b"\x00" * 100, b"MSH|^~\\&|", ORU.format(serial="", control="5", charset="").encode(),
        ORU.format(serial="R", control="5", charset="EBCDIC").encode(),
        ORU.format(serial="R", control="5", charset="UNICODE UTF-8").encode("gb18030"),
        ORU.format(serial="R", control="5", charset="").replace("ORU^R01", "ADT^A08").encode(),
        ORU.format(serial="R", control="5", charset="").replace("20261130115900", "yesterday").encode(),
        ORU.format(serial="R", control="5", charset="").replace("OBR|1", "ZZZ|1").encode(),
        ORU.format(serial="R", control="5", charset="").replace("|TX|59776", "|ED|59776").encode(),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_used_is_refused_and_the_next_is_taken(
    mllp: MllpServer, desk: Desk, message: bytes
) -> None:
    good = ORU.format(serial="R-9", control="42", charset="UNICODE UTF-8").encode()
    refused, taken = say(mllp.port, message, good)
    assert b"MSA|AR|" in refused
    assert b"MSA|AA|42" in taken
    assert len(desk.taken) == 1


def test_a_store_that_is_away_asks_to_send_again_later(mllp: MllpServer, desk: Desk) -> None:
    desk.fails = RetriableError("the store is away")
    (answer,) = say(mllp.port, ORU.format(serial="R-9", control="42", charset="UNICODE UTF-8").encode())
    assert b"MSA|AE|42|the store is away" in answer


def test_frames_that_are_no_frames_cost_only_their_connection(mllp: MllpServer, desk: Desk) -> None:
    for raw in (b"GET / HTTP/1.0\r\n\r\n\x1c\r", b"\x0b" + b"x" * 5 * 2**20):
        with socket.create_connection(("127.0.0.1", mllp.port), timeout=10) as connection:
            try:
                connection.sendall(raw)
                assert connection.recv(10) == b""
            except ConnectionError:
                pass
    assert (
        b"MSA|AA"
        in say(mllp.port, ORU.format(serial="R-9", control="1", charset="UNICODE UTF-8").encode())[0]
    )


def test_another_network_may_not_connect(desk: Desk) -> None:
    server = MllpServer("127.0.0.1", 0, ("10.0.0.0/8",), desk, FakeLog())
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            assert connection.recv(10) == b""
    finally:
        server.stop()
    assert desk.taken == []


def test_a_port_that_is_taken_is_a_setting_to_change(mllp: MllpServer, desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match=r"reports\.mllp\.port"):
        MllpServer("127.0.0.1", mllp.port, ("127.0.0.0/8",), desk, FakeLog()).start()


# --- the centre's reports back to the RIS ---


def centre_report(site: Site) -> None:
    one = report("C-1", "follow up | in 3 months\nsee ^above", accession_number="A-1", patient_id="P-7")
    site.take(one.content("platform", EntryKind.CENTRE_REPORT))


def test_a_centres_report_reaches_the_ris_by_hl7(site: Site, mllp: MllpServer, desk: Desk) -> None:
    centre_report(site)
    sender = site.sender(EntryKind.CENTRE_REPORT, to_mllp(MllpClient("127.0.0.1", mllp.port)), 1)
    desk.fails = RetriableError("busy")
    sender()
    assert site.entry("C-1", EntryKind.CENTRE_REPORT).state is EntryState.WAITING
    desk.fails = None
    site.run(sender)
    assert site.entry("C-1", EntryKind.CENTRE_REPORT).state is EntryState.SENT
    ((taken, _),) = desk.taken
    assert (taken.serial, taken.conclusion) == ("C-1", "follow up | in 3 months\nsee ^above")


def test_a_ris_that_refuses_is_told(site: Site, mllp: MllpServer, desk: Desk) -> None:
    centre_report(site)
    desk.fails = PermanentError("no such order")
    site.sender(EntryKind.CENTRE_REPORT, to_mllp(MllpClient("127.0.0.1", mllp.port)), 1)()
    refused = site.entry("C-1", EntryKind.CENTRE_REPORT)
    assert refused.state is EntryState.REFUSED
    assert "no such order" in refused.reason


def test_nobody_listens(site: Site) -> None:
    centre_report(site)
    sender = site.sender(EntryKind.CENTRE_REPORT, to_mllp(MllpClient("127.0.0.1", free_ports(1)[0])), 1)
    with pytest.raises(Unreachable):
        sender()
    assert site.entry("C-1", EntryKind.CENTRE_REPORT).tries == 0


@pytest.mark.parametrize("form", ["json", "hl7", "fhir"])
def test_a_centres_report_as_a_file(site: Site, tmp_path: Path, form: str) -> None:
    centre_report(site)
    folder = tmp_path / "ris"
    site.run(site.sender(EntryKind.CENTRE_REPORT, to_folder(folder, form), 1))
    (file,) = folder.iterdir()
    text = file.read_bytes().decode()
    assert file.name.startswith("2026-11-29-C-1-")
    assert "A-1" in text
    assert "follow up" in text


def test_a_serial_number_cannot_lead_out_of_the_folder(site: Site, tmp_path: Path) -> None:
    site.take(report("../../etc/x").content("platform", EntryKind.CENTRE_REPORT))
    folder = tmp_path / "a" / "ris"
    site.run(site.sender(EntryKind.CENTRE_REPORT, to_folder(folder, "json"), 1))
    (file,) = folder.iterdir()
    assert file.name.startswith("2026-11-29-______etc_x-")


def test_a_centres_report_to_a_fhir_server(site: Site) -> None:
    centre_report(site)
    with raw_server(answer_of("201 Created")) as server:
        site.run(site.sender(EntryKind.CENTRE_REPORT, to_fhir(server.url), 1))
    (head,), (body,) = server.requests, server.bodies
    assert head.startswith("PUT /DiagnosticReport?identifier=C-1 ")
    assert read_diagnostic_report(json.loads(body)).serial == "C-1"
