from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import arrival
import reception
from arrivals import Arrivals
from changes import Changes
from conclude import Concluder, Tables
from deletion import Deletion
from handover import HandoverFolder
from handover_rows import HandoverRows
from journal import Journal
from judge import Judge
from pacs_module.domain.messages import PullRequest
from pacs_module.domain.switches import Switches
from pacs_module.logs import ContractLog
from pull_rows import PullRows
from reception import ReceptionWorker
from reception_rows import ReceptionRows
from size_rows import SizeRows
from tests.fakes.orthanc_store import FakeStore


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Desk:
    """Reception with a store in memory, a journal on disk and a clock of its own; nothing runs by itself."""

    store: FakeStore
    tables: Tables
    folder: HandoverFolder
    clock: Clock
    log_folder: Path
    switches: Switches
    worker: ReceptionWorker
    deletion: Deletion

    def restarted(self) -> Desk:
        return _desk(self.store, self.tables, self.folder, self.clock, self.log_folder, self.switches)

    def step(self, later_s: float = 0.0) -> None:
        self.clock.now += later_s
        self.worker.step()

    def ask(self, study: str, **values: object) -> PullRequest:
        number = len(self.tables.pulls.unreported()) + len(self.sent())
        request = PullRequest(f"pull-{study}-{number}", study, "PACS", **values)  # type: ignore[arg-type]
        self.tables.pulls.add(request, 1)
        self.tables.pulls.submitted(request.pull_id, ("job",))
        return request

    def end(self, request: PullRequest, error: str = "") -> None:
        self.tables.pulls.ended(request.pull_id, 2, error, 1.5)
        self.worker.step()

    def sent(self) -> list[tuple[str, str]]:
        rows = self.tables.journal.rows("SELECT * FROM outbox ORDER BY number")
        return [(row["kind"], row["body"]) for row in rows]

    def lines(self) -> list[str]:
        file = self.log_folder / "orthanc-python.log"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Desk:
    clock = Clock()
    monkeypatch.setattr(arrival, "time", clock)
    monkeypatch.setattr(reception, "time", clock)
    store = FakeStore(tmp_path / "store")
    handover = tmp_path / "handover"
    handover.mkdir()
    tables = Tables(journal, PullRows(journal), ReceptionRows(journal), HandoverRows(journal))
    folder = HandoverFolder(handover, "/store_image", store.folder, store)  # type: ignore[arg-type]
    return _desk(store, tables, folder, clock, tmp_path, replace(Switches(), min_instances_ct=3))


def _desk(store: FakeStore, tables: Tables, folder: HandoverFolder, clock: Clock, log_folder: Path, switches: Switches) -> Desk:
    log = ContractLog(log_folder, "orthanc-python")
    concluder = Concluder(tables, store, folder, switches, ZoneInfo("Asia/Shanghai"), log)  # type: ignore[arg-type]
    arrivals = Arrivals(store, tables, Changes(store, tables.journal), switches.stable_age, log)  # type: ignore[arg-type]
    judge = Judge(store, tables.receptions, switches, log)  # type: ignore[arg-type]
    worker = ReceptionWorker(tables, arrivals, judge, concluder, switches, log)
    worker.begin()
    deletion = Deletion(store, tables.receptions, SizeRows(tables.journal), log)  # type: ignore[arg-type]
    return Desk(store, tables, folder, clock, log_folder, switches, worker, deletion)
