"""The nightly job: once a night, the rest on after a fault or a kill, and never what is in flight."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.instants import iso
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import Study
from pacs_module.use_cases.privacy import retain
from pacs_module.use_cases.privacy.retain import LEASE, Part, RemoveStudies, Retain
from pacs_module.use_cases.recover.lease_holder import LeaseHolder
from tests.fakes.world import FakeClock, FakeLog

EVENING = datetime(2026, 11, 25, 20, 0)


class World:
    def __init__(self) -> None:
        self.clock, self.log, self.leases = FakeClock(), FakeLog(), MemoryLeases()
        self.runs: list[str] = []
        self.fault = ""
        self.go_to(EVENING)

    def go_to(self, when: datetime) -> None:
        self.clock.at = int(when.replace(tzinfo=UTC).timestamp() * 1000)

    def local(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now() / 1000, UTC).replace(tzinfo=None)

    def process(self, owner: str = "one") -> Retain:
        def first() -> Mapping[str, int]:
            if self.fault:
                raise RetriableError(self.fault)
            return {"studies": 2}

        def second() -> Mapping[str, int]:
            self.runs.append(owner)
            return {"logFiles": 1}

        parts: dict[str, Part] = {"studies": first, "logs": second}
        holder = LeaseHolder(self.leases, owner, self.clock, self.log)
        return Retain(parts, holder, self.clock, self.local, self.log, time(4), self.local())

    def memo(self) -> Mapping[str, object]:
        return self.leases.memo(LEASE)


def test_it_runs_once_a_night_over_all_processes_and_says_what_it_did() -> None:
    world = World()
    one, two = world.process("one"), world.process("two")
    for hour in (23, 27, 28, 29, 30):
        world.go_to(datetime(2026, 11, 25) + timedelta(hours=hour))
        one()
        two()
    assert world.runs == ["one"]
    assert world.memo()["did"] == {"studies": 2, "logFiles": 1}
    assert world.memo()["night"] == "2026-11-26"
    assert world.log.keys.count("retention") == 1


def test_what_fails_keeps_nothing_else_from_being_done_and_is_tried_again_after_an_hour() -> None:
    world = World()
    step = world.process()
    world.fault = "the store is away"
    world.go_to(datetime(2026, 11, 26, 4, 0))
    step()
    assert world.memo()["did"] == {"logFiles": 1}
    assert world.memo()["failed"] == {"studies": "the store is away"}
    world.fault = ""
    world.clock.pass_seconds(1800)
    step()
    assert len(world.runs) == 1
    world.clock.pass_seconds(1801)
    step()
    step()
    assert len(world.runs) == 2
    assert world.memo()["failed"] == {}


def test_only_what_is_old_and_settled_goes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retain, "AT_ONCE", 2)
    store, clock = MemoryStore(), FakeClock()
    long_ago = iso(clock.now() - 40 * 86_400_000)
    for number in range(7):
        state = State.PULL_DATA_END if number % 3 == 0 else State.COMPLETED
        store.insert(Study(f"1.{number}", study_date="2020-01-01", state=state, changed_at=long_ago))
    store.insert(Study("1.7", study_date="2020-01-01", state=State.COMPLETED, changed_at=iso(clock.now())))
    remove = RemoveStudies(store, clock, 30, lambda: "2020-06-01")
    assert remove() == {"studies": 4, "studiesKept": 3}
    assert sorted(study.study_uid for study in store.find({})) == ["1.0", "1.3", "1.6", "1.7"]
    assert remove() == {"studies": 0, "studiesKept": 3}


def test_no_byte_of_a_removed_study_is_left_in_the_file_or_its_wal(tmp_path: Path) -> None:
    store, clock = SqliteStore(tmp_path / "store.db"), FakeClock()
    long_ago = iso(clock.now() - 40 * 86_400_000)
    for number in range(300):
        uid, patient = f"1.2.840.777.{number}", f"PATIENT-{number}"
        state = State.COMPLETED if number % 2 else State.META_ONLY
        told = "x" * (number * 37 % 6000)  # documents of all sizes: pages are split, merged and chained
        study = Study(
            uid, study_date="2020-01-01", patient_id=patient, state=state, changed_at=long_ago, why=told
        )
        store.insert(study)
        study.why = told[: len(told) // 2]
        store.replace(study)
    RemoveStudies(store, clock, 30, lambda: "2020-06-01")()
    store.scrub(iso(clock.now()))
    left = b"".join(file.read_bytes() for file in tmp_path.glob("store.db*"))
    assert [n for n in range(1, 300, 2) if f'PATIENT-{n}"'.encode() in left] == []
    assert [n for n in range(1, 300, 2) if f'1.2.840.777.{n}"'.encode() in left] == []
    assert b"PATIENT-2" in left
    assert (tmp_path / "store.db-wal").stat().st_size == 0
    store.close()
