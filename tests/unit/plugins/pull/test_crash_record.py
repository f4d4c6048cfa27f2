"""
A death of Orthanc is charged to the pull that moved, in the journal (K8).

Does not prove that Orthanc dies of anything (tests/long/receive/test_k08_poison_orthanc.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aipull.journal.charges import Charged, ChargeRows
from aipull.journal.journal import Journal
from aipull.journal.pulls import ENDED, NEW, Pull, PullRows
from aipull.pull.crash_record import CrashRecord
from aipull.runtime.clock import now_ms
from aipull.server.last_associations import Associations
from aipull.server.previous_exit import PreviousExit, exit_file
from pacs_module.domain.json_messages.messages import PullReport, PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.pull.crash_blame import SET_ASIDE, SET_ASIDE_UNTOLD, Ending
from pacs_module.shared.logs import ContractLog


class Run:
    """Runs of Orthanc over one journal."""

    def __init__(self, tmp_path: Path, journal: Journal) -> None:
        self.rows = PullRows(journal)
        self.journal = journal
        self.file = tmp_path / "orthanc-python.jsonl"
        self.log = ContractLog(tmp_path, "orthanc-python")
        self.deaths = CrashRecord(journal, self.rows, self.log)
        self.deaths.take_up()

    def dies(
        self,
        connected: frozenset[str] | None = None,
        ending: Ending = Ending.CRASHED,
    ) -> None:
        """And is started again; ``connected`` then, None: its log does not tell."""
        told = Associations((), connected)
        self.deaths = CrashRecord(self.journal, self.rows, self.log, told, ending)
        self.deaths.take_up()

    def ask(self, *names: str) -> None:
        for name in names:
            self.rows.add(PullRequest(name, f"1.2.{name}", "PACS"), 1)

    def moves(self, *names: str) -> None:
        for name in names:
            self.rows.submitted(name, 1)

    def pull(self, name: str) -> Pull:
        found = self.rows.get(name)
        assert found is not None
        return found

    def state(self, name: str) -> tuple[str, int, bool]:
        found = self.pull(name)
        return found.job_state, self.charged(name).deaths, found.suspect

    def charged(self, name: str) -> Charged:
        return ChargeRows(self.journal).of(f"1.2.{name}")

    def loses_index(self) -> None:
        """As Plugins.start does for an emptied RAM disk, after the death was taken up."""
        self.rows.restart_all()


@pytest.fixture
def run(tmp_path: Path, journal: Journal) -> Run:
    return Run(tmp_path, journal)


def test_a_pull_alone_is_set_aside_after_the_second_death(run: Run) -> None:
    run.ask("1", "2")
    run.moves("1")
    run.dies()
    assert (run.state("1"), run.state("2")) == ((NEW, 1, True), (NEW, 0, False))
    run.moves("1")
    run.dies()
    failure = run.pull("1").failure
    assert failure is not None
    assert (run.state("1"), failure.kind, run.pull("1").error) == (
        (ENDED, 0, False),
        FailureKind.POISON,
        SET_ASIDE,
    )
    assert run.state("2") == (NEW, 0, False)
    assert run.deaths.state()["deaths"] == 2


def test_of_several_only_the_guilty_one_is_set_aside_with_three_deaths_at_the_most(run: Run) -> None:
    names = ["1", "2", "3", "4"]
    run.ask(*names)
    run.moves(*names)
    run.dies()
    assert [run.state(name) for name in names] == [(NEW, 0, True)] * 4
    run.moves("1")
    run.rows.ended("1", 1, "", 1.0)
    for _ in range(2):
        run.moves("2")
        run.dies()
    assert [run.pull(name).error for name in names] == ["", SET_ASIDE, "", ""]
    assert [run.state(name)[:2] for name in ("3", "4")] == [(NEW, 0), (NEW, 0)]
    assert run.deaths.state()["deaths"] == 3


def test_an_end_in_order_is_no_death(run: Run) -> None:
    run.ask("1")
    for _ in range(4):
        run.moves("1")
        run.deaths.ends()
        run.deaths.take_up()
    assert (run.state("1"), run.deaths.state()) == ((NEW, 0, False), {"deaths": 0, "lastDeathAt": 0})


def test_a_death_while_nothing_moved_is_nobodys(run: Run) -> None:
    run.ask("1")
    for _ in range(5):
        run.dies()
    assert (run.state("1"), run.deaths.state()["deaths"]) == ((NEW, 0, False), 5)


def test_while_pushes_kill_it_too_a_pull_is_not_blamed_at_once(run: Run) -> None:
    run.ask("1")
    run.dies()
    for _ in range(4):
        run.moves("1")
        run.dies()
        assert run.state("1")[0] == NEW
    run.moves("1")
    run.dies()
    assert run.pull("1").error == SET_ASIDE_UNTOLD


NODE, PUSHER = frozenset({"NODE@1"}), frozenset({"PUSHER@1"})


@pytest.mark.parametrize("before", [frozenset(), PUSHER], ids=["killed from outside", "another sender's"])
def test_a_death_while_nothing_moved_excuses_no_pull_whose_sender_was_not_connected_then(
    run: Run, before: frozenset[str]
) -> None:
    """A storm of kills and pushes costs poison no more deaths than usual."""
    run.ask("1")
    run.dies(before)
    run.moves("1")
    run.dies(NODE)
    run.moves("1")
    run.dies(NODE)
    assert run.pull("1").error == SET_ASIDE


@pytest.mark.parametrize(
    ("before", "now"), [(PUSHER, PUSHER | NODE), (None, NODE), (PUSHER, None), (NODE, NODE)]
)
def test_one_who_may_have_killed_it_both_times_excuses_the_pull(
    run: Run, before: frozenset[str] | None, now: frozenset[str] | None
) -> None:
    run.ask("1")
    run.dies(before)
    for _ in range(4):
        run.moves("1")
        run.dies(now)
    assert run.state("1") == (NEW, 4, True)


def test_a_pull_that_ended_well_after_one_death_is_a_suspect_no_more(run: Run) -> None:
    run.ask("1")
    run.moves("1")
    run.dies()
    run.moves("1")
    run.rows.ended("1", 1, "", 1.0)
    run.dies()
    assert (run.pull("1").suspect, run.pull("1").error) == (False, "")


def test_what_was_concluded_before_the_death_is_not_moved_again(run: Run) -> None:
    run.ask("1", "2")
    run.moves("1", "2")
    run.rows.conclude(run.pull("1"), PullReport("R", "1", "1.2.1", "received"))
    run.dies()
    assert (run.pull("1").job_state, run.pull("2").job_state) == (ENDED, NEW)


def test_the_report_of_a_pull_set_aside_says_so(run: Run) -> None:
    run.ask("1")
    for _ in range(2):
        run.moves("1")
        run.dies()
    run.rows.conclude(run.pull("1"), PullReport("R", "1", "1.2.1", "failed", message="no image came"))
    (row,) = run.journal.rows("SELECT * FROM outbox")
    report = json.loads(row["body"])
    assert report["failure"] == {"kind": "poison", "status": "", "words": SET_ASIDE}
    assert SET_ASIDE in report["message"]


@pytest.mark.parametrize("crash", ["charge", "note"])
def test_a_death_while_a_death_is_charged_charges_it_once(
    run: Run, crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise OSError(crash)

    broken: dict[str, tuple[type, str]] = {"charge": (PullRows, "again"), "note": (Journal, "set_meta")}
    run.ask("1")
    run.moves("1")
    with monkeypatch.context() as patched:
        patched.setattr(*broken[crash], dies)
        with pytest.raises(OSError, match=crash):
            run.dies()
    run.dies()
    assert run.state("1") == (NEW, 1, True)


def events(run: Run, key: str) -> list[dict[str, object]]:
    return [one for one in map(json.loads, run.file.read_text().splitlines()) if one.get("event") == key]


def test_deaths_are_told(run: Run) -> None:
    run.ask("1")
    check: Callable[[str], int] = lambda key: len(events(run, key))  # noqa: E731
    for expected in ((1, 0), (2, 1)):
        run.moves("1")
        run.dies()
        assert (check("orthanc_died"), check("pull_set_aside")) == expected


def test_kills_from_outside_set_no_lone_pull_aside_and_poison_dies_no_more_often_for_them(run: Run) -> None:
    run.ask("a")
    for _ in range(5):
        run.moves("a")
        run.dies(ending=Ending.KILLED)
        assert run.state("a") == (NEW, 0, True), "moved again, alone"
    run.moves("a")
    run.dies(ending=Ending.CRASHED)
    assert run.state("a") == (NEW, 1, True)
    run.moves("a")
    run.dies(ending=Ending.CRASHED)
    assert run.state("a")[0] == ENDED


def test_a_kill_from_outside_excuses_no_pull_that_crashes_it_later(run: Run) -> None:
    run.dies(ending=Ending.KILLED)
    run.ask("a")
    for _ in range(2):
        run.moves("a")
        run.dies(ending=Ending.CRASHED)
    assert run.state("a")[0] == ENDED


def test_the_exit_status_beside_the_journal_holds_for_one_end(journal: Journal, tmp_path: Path) -> None:
    boot, vmstat = tmp_path / "boot", tmp_path / "vmstat"
    boot.write_text("b1\n")
    vmstat.write_text("pgfault 1\noom_kill 3\n")

    def ending(status: str = "") -> Ending:
        if status:
            with exit_file(journal.path).open("a") as told:
                told.write(status)
        found = PreviousExit(journal, boot, vmstat)
        ended = found.read()
        assert found.read() is ended, "until this process lives"
        found.begin()
        return ended

    told = [ending(), ending("137\n"), ending(), ending("139\n"), ending("no number"), ending("0\n")]
    assert told == ["unknown", "killed", "unknown", "crashed", "unknown", "unknown"]
    vmstat.write_text("pgfault 9\noom_kill 4\n")
    assert [ending("137\n"), ending("137\n")] == ["unknown", "killed"], (
        "the kernel may have killed it for memory"
    )
    boot.write_text("b2\n")
    assert [ending(), ending()] == ["killed", "unknown"], "the machine was started anew"
    vmstat.unlink()
    boot.unlink()
    assert ending("139") is Ending.KILLED
    assert ending("139") is Ending.CRASHED


@pytest.mark.parametrize(
    "status", ["9" * 5000, "\u0661\u0663\u0669", "-11", "139 139", "\x00", "1e2", "4096"]
)
def test_k08_an_exit_status_that_is_none_says_nothing(status: str, journal: Journal) -> None:
    exit_file(journal.path).write_text(status, encoding="utf-8")
    assert PreviousExit(journal).read() is Ending.UNKNOWN


def test_k08_a_folder_in_its_place_says_nothing(journal: Journal) -> None:
    exit_file(journal.path).mkdir()
    assert PreviousExit(journal).read() is Ending.UNKNOWN
    assert PreviousExit(journal).read() is Ending.UNKNOWN


@pytest.mark.parametrize("before", [0, 1, 2], ids=["alone", "once in company", "twice in company"])
def test_k08_where_nobody_told_two_deaths_set_nothing_aside_and_three_do(run: Run, before: int) -> None:
    """No exit status beside the journal; poison alive costs three deaths, a healthy study is pulled."""
    run.ask("a", "b")
    for _ in range(before):
        run.moves("a", "b")
        run.dies(ending=Ending.UNKNOWN)
    for number in range(before + 1, 4):
        assert run.state("a")[0] == NEW, number
        run.moves("a")
        run.dies(ending=Ending.UNKNOWN)
    assert run.pull("a").error == SET_ASIDE_UNTOLD
    assert run.state("b")[:2] == (NEW, 0)
    assert run.deaths.state()["deaths"] == 3


def test_k08_a_study_during_which_the_machine_was_killed_twice_is_pulled(run: Run) -> None:
    run.ask("a")
    for _ in range(2):
        run.moves("a")
        run.dies(ending=Ending.UNKNOWN)
    run.moves("a")
    run.rows.ended("a", 1, "", 1.0)
    run.dies(ending=Ending.UNKNOWN)
    assert (run.pull("a").error, run.pull("a").suspect) == ("", False)


def test_k08_a_study_that_is_asked_for_anew_keeps_its_charge_and_is_moved_alone(run: Run) -> None:
    """The pull was taken back, or failed on its way: the object that kills is the same under another id."""
    run.ask("a", "b")
    run.moves("a")
    run.dies()
    run.moves("a")
    run.rows.ended("a", 1, "broken off", 1.0, PullFailure(FailureKind.ABORTED))
    run.rows.add(PullRequest("a2", "1.2.a", "PACS"), 1)
    assert run.pull("a2").suspect
    run.moves("a2")
    run.dies()
    assert (run.pull("a2").error, run.state("b")) == (SET_ASIDE, (NEW, 0, False))


def test_k08_a_study_whose_moves_ran_to_their_end_begins_without_a_charge(run: Run) -> None:
    run.ask("a")
    run.moves("a")
    run.dies()
    assert run.charged("a") == Charged(1, 1)
    run.moves("a")
    run.rows.ended("a", 1, "", 1.0)
    run.rows.add(PullRequest("a2", "1.2.a", "PACS"), 1)
    assert (run.charged("a"), run.pull("a2").suspect) == (Charged(), False)


def test_k08_a_person_who_asks_for_what_was_set_aside_has_it_tried_twice_again(run: Run) -> None:
    run.ask("a")
    for _ in range(2):
        run.moves("a")
        run.dies()
    run.rows.add(PullRequest("a2", "1.2.a", "PACS"), 1)
    for expected in (NEW, ENDED):
        run.moves("a2")
        run.dies()
        assert run.pull("a2").job_state == expected


def test_k08_an_emptied_ram_disk_hides_no_death_and_what_was_set_aside_stays_so(run: Run) -> None:
    run.ask("a", "b")
    for ending in (Ending.CRASHED, Ending.KILLED, Ending.CRASHED):
        run.moves("a")
        run.dies(ending=ending)
        run.loses_index()
    run.loses_index()
    failure = run.pull("a").failure
    assert (run.pull("a").job_state, run.pull("a").error) == (ENDED, SET_ASIDE)
    assert failure is not None
    assert failure.kind is FailureKind.POISON
    assert run.state("b") == (NEW, 0, False)
    assert [one["pulls"] for one in events(run, "orthanc_died")] == [["a"]] * 3


def test_k08_charges_are_forgotten_with_their_study(run: Run) -> None:
    run.ask("a")
    run.moves("a")
    run.dies()
    run.journal.forget_studies(["1.2.a"])
    assert run.charged("a") == Charged()


@pytest.mark.parametrize("deaths", ["mm", "mwm", "wmm", "mwwm"])
def test_k08_poison_that_is_still_sent_when_its_pull_was_put_back_is_set_aside_by_its_second_move(
    run: Run, deaths: str
) -> None:
    """m: it moves. w: it was put back, waits, and the PACS has not noticed yet."""
    run.ask("a", "b")
    run.moves("a")
    run.rows.again("a")  # Orthanc did not answer
    for death in deaths:
        assert run.state("a")[0] == NEW
        if death == "m":
            run.moves("a")
        run.dies(NODE)
    assert run.pull("a").error == SET_ASIDE
    assert run.state("b") == (NEW, 0, False)


@pytest.mark.parametrize("connected", [frozenset(), NODE, None])
def test_k08_a_pull_that_waits_is_not_charged_with_what_others_do(
    run: Run, connected: frozenset[str] | None
) -> None:
    run.ask("a")
    run.moves("a")
    run.dies(NODE, ending=Ending.KILLED)
    for _ in range(4):
        run.dies(connected)
    assert run.state("a") == (NEW, 0, True)
    run.moves("a")
    run.rows.ended("a", 1, "", 1.0)
    assert run.charged("a") == Charged()


def test_k08_a_minute_after_it_was_put_back_nothing_of_it_comes(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.ask("a")
    run.moves("a")
    run.rows.again("a")
    assert [one.request.pull_id for one in run.rows.may_still_come()] == ["a"]
    later = now_ms() + 61_000
    monkeypatch.setattr("aipull.journal.pulls.now_ms", lambda: later)
    assert run.rows.may_still_come() == []
