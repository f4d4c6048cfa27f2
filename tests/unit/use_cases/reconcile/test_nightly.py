"""The nightly run: once over several processes, again where a PACS was away, taken over from the dead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pacs_module.adapters.files.report_folder import ReportFolder
from pacs_module.adapters.stores.leases import MemoryLeases, leases_of
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.reconcile.nightly import NightlyPolicy
from pacs_module.domain.reconcile.report import Report, report
from pacs_module.domain.reconcile.report_line import PacsList
from pacs_module.ports import Leases
from pacs_module.use_cases.reconcile.nightly import LEASE, Nightly
from pacs_module.use_cases.recover.lease_holder import LENGTH, LeaseHolder
from tests.fakes.world import FakeClock, FakeLog

YESTERDAY, TODAY = date(2026, 11, 25), date(2026, 11, 26)


class World:
    """One clock and one store, processes as many as one likes; ``compared``: days, by whom, in order."""

    def __init__(self, leases: Leases | None = None) -> None:
        self.clock, self.log = FakeClock(), FakeLog()
        self.leases = leases or MemoryLeases()
        self.compared: list[tuple[str, date]] = []
        self.kept: list[Report] = []
        self.error = ""
        self.repaired: list[Report] = []
        self.go_to(datetime(2026, 11, 25, 20, 0))

    def local(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now() / 1000, UTC).replace(tzinfo=None)

    def go_to(self, when: datetime) -> None:
        self.clock.at = int(when.replace(tzinfo=UTC).timestamp() * 1000)

    def process(self, owner: str = "one") -> Nightly:
        def reconcile(days: Sequence[date]) -> Report:
            self.compared += [(owner, day) for day in days]
            return report(days, "", [PacsList("A", day, error=self.error) for day in days], ())

        def repair(made: Report) -> Report:
            self.repaired.append(made)
            return made

        return Nightly(
            reconcile=reconcile,
            repair=repair,
            keep=self.kept.append,
            leases=LeaseHolder(self.leases, owner, self.clock, self.log),
            clock=self.clock,
            local=self.local,
            log=self.log,
            policy=NightlyPolicy(),
            started=self.local(),
        )


@pytest.fixture
def world() -> World:
    return World()


def test_it_runs_once_a_night(world: World) -> None:
    one = world.process()
    for hour in (2, 3, 4, 22):
        world.go_to(datetime(2026, 11, 26, hour, 0))
        assert one() is False
    assert world.compared == [("one", YESTERDAY)]
    assert world.kept == world.repaired
    world.go_to(datetime(2026, 11, 27, 3, 0))
    one()
    assert world.compared[1:] == [("one", TODAY)]


@pytest.mark.parametrize("stored", [True, False])
def test_of_two_processes_one_runs_it(stored: bool, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "study.db") if stored else None
    world = World(leases_of(store) if store else None)
    processes = [world.process(name) for name in ("one", "two")]
    world.go_to(datetime(2026, 11, 26, 3, 0))
    for process in (*processes, *processes):
        process()
    assert world.compared == [("one", YESTERDAY)]
    restarted = world.process("three")
    restarted()
    assert len(world.compared) == 1, "what was done outlives the process"
    if store:
        store.close()


def test_while_another_is_at_it_nothing_is_done_and_its_death_is_waited_for(world: World) -> None:
    one = world.process()
    world.go_to(datetime(2026, 11, 26, 3, 0))
    world.leases.take(LEASE, "dead")
    one()
    assert world.compared == []
    world.clock.pass_seconds(LENGTH.total_seconds())
    one()
    assert world.compared == [("one", YESTERDAY)]


def test_a_pacs_that_was_away_is_asked_again_later_and_not_for_ever(world: World) -> None:
    one, world.error = world.process(), "no answer"
    for minute in range(0, 12 * 60, 30):
        world.go_to(datetime(2026, 11, 26, 3, 0) + timedelta(minutes=minute))
        one()
    assert len(world.compared) == NightlyPolicy().tries
    world.error = ""
    world.go_to(datetime(2026, 11, 27, 3, 0))
    one()
    assert world.compared[-1] == ("one", TODAY)


def test_a_night_that_fails_is_no_night_done(world: World) -> None:
    one = world.process()

    def away(days: Sequence[date]) -> Report:
        raise RetriableError("the store is away")

    broken = replace(one, reconcile=away)
    world.go_to(datetime(2026, 11, 26, 3, 0))
    with pytest.raises(RetriableError):
        broken()
    one()
    assert world.compared == [("one", YESTERDAY)]


def test_nights_without_a_process_are_made_up_for(world: World) -> None:
    one = world.process()
    world.go_to(datetime(2026, 11, 26, 3, 0))
    one()
    world.go_to(datetime(2026, 11, 29, 10, 0))
    world.process("later")()
    assert world.compared[1:] == [("later", date(2026, 11, day)) for day in (26, 27, 28)]


# --- the folder ---


def of(day: date) -> Report:
    return report([day], "2026-11-26T03:00:00.000+00:00", [PacsList("A", day)], ())


def test_a_report_is_kept_as_json_and_xlsx_and_the_newest_wins(tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path / "reports", 90)
    assert (folder.days(), folder.read(YESTERDAY)) == ([], None)
    folder.keep(of(YESTERDAY))
    folder.keep(replace(of(YESTERDAY), made_at="later"))
    assert folder.days() == [YESTERDAY]
    kept = folder.read(YESTERDAY)
    assert kept is not None
    assert (kept["madeAt"], kept["exitStatus"]) == ("later", 0)
    names = sorted(file.name for file in (tmp_path / "reports").iterdir())
    assert names == ["reconcile-2026-11-25.json", "reconcile-2026-11-25.xlsx"]


def test_old_reports_are_deleted(tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path, 2)
    for number in range(5):
        folder.keep(of(date(2026, 11, 20 + number)))
    assert folder.days() == [date(2026, 11, day) for day in (22, 23, 24)]
    assert len(list(tmp_path.iterdir())) == 6


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RetriableError, match="cannot be written"):
        ReportFolder(tmp_path / "file", 90).keep(of(YESTERDAY))
