from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aipull.hand_over.folder import HandoverFolder
from aipull.journal.handovers import HandoverRows
from aipull.journal.journal import Journal
from aipull.journal.pulls import PullRows
from aipull.journal.receptions import ReceptionRows
from aipull.journal.tables import Tables
from aipull.receive import arriving_study as arrival
from aipull.receive import reception
from aipull.runtime import failing_steps
from pacs_module.domain.rules.switches import Switches
from tests.fakes.orthanc_store import FakeStore
from tests.fakes.reception_desk import Clock, Desk


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
    monkeypatch.setattr(failing_steps, "time", clock)
    store = FakeStore(tmp_path / "store")
    handover = tmp_path / "handover"
    handover.mkdir()
    tables = Tables(journal, PullRows(journal), ReceptionRows(journal), HandoverRows(journal))
    folder = HandoverFolder(handover, "/store_image", store.folder, store)
    return Desk.over(store, tables, folder, clock, tmp_path, replace(Switches(), min_instances_ct=3))
