"""
The RIS through the whole stack: a SQL view (SQLite), a real PACS, Orthanc with the plugins, RabbitMQ, the
backend.

Emergency ahead of what came before it, codes by the site's table, tolerant mode, an order that comes later
than its images, one that is corrected. What is expected is read from the documents and from the backend's own
record. Other databases: tests/contract.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hospital_sim.sending.scu import Pacs
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.study import priority
from pacs_module.domain.study import study as documents
from pacs_module.domain.study.lifecycle import Event, State
from stack.ports import LOOPBACK
from stack.servers.orthanc import HOSPITAL_NAME
from stack.whole import Stack, StackOptions
from tests.support.images.dicom_maker import CHEST_CT, Study, store
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

DAY = "20200618"
CHEST, ABDOMEN, EMERGENCY = "1001", "2002", "急诊"
IMAGES = 12
LONG_S = 300.0
SETTINGS: dict[str, Any] = {
    "find_dates": ["2020-06-18"],
    # the orders of what is found first are looked at before the second find makes it due
    "find_interval_s": 15.0,
    # All become due with that find: a followed study is due when its own series stand still, one after the other.
    "pacs": [{"name": HOSPITAL_NAME, "follow": False}],
    "ris": {
        "view": "v_orders",
        "columns": {"urgency": "urgency"},
        "day_format": "%Y-%m-%d",  # SQLite keeps dates as text
        "body_parts": {CHEST: "CHEST", ABDOMEN: "ABDOMEN"},
        "emergency": [EMERGENCY],
        "tolerant": True,
        "wait_s": 3600.0,
        "again_s": 1.0,
    },
}


class Ris:
    """The hospital's orders: a table, and the view that we may read."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._file = file
        self._run(
            "CREATE TABLE orders (number TEXT, patient TEXT, day DATE, part TEXT, urgency TEXT)",
            "CREATE VIEW v_orders AS SELECT number AS accession_number, patient AS patient_id, day "
            "AS order_date,"
            " part AS body_part, urgency FROM orders",
        )

    def order(self, number: str, patient: str, part: str, urgency: str = "") -> None:
        """An order of the day, in place of one with the same number."""
        self._run("DELETE FROM orders WHERE number = ?", values=(number,))
        self._run(
            "INSERT INTO orders VALUES (?, ?, '2020-06-18', ?, ?)", values=(number, patient, part, urgency)
        )

    def _run(self, *statements: str, values: tuple[str, ...] = ()) -> None:
        connection = sqlite3.connect(self._file, timeout=60)
        with connection:
            for statement in statements:
                connection.execute(statement, values)
        connection.close()


class Hospital:
    """The stack with its RIS, and what became of a study by its name."""

    def __init__(self, stack: Stack, ris: Ris) -> None:
        self.stack, self.ris = stack, ris
        self.store = SqliteStore(stack.pacs_module.store_file)
        self.studies: dict[str, Study] = {}

    def scan(self, name: str, time: str) -> None:
        """A chest CT reaches the PACS."""
        study = self.studies[name] = Study(name, DAY, time=time)
        study.add_series(IMAGES, CHEST_CT)
        pacs = self.stack.hospital
        store(Pacs(LOOPBACK, pacs.ports.dicom, pacs.aet), study.images)

    def document(self, name: str) -> documents.Study:
        found = self.store.get(self.studies[name].uid)
        return found or documents.Study("not found yet")

    def state(self, name: str) -> State | None:
        return self.document(name).state

    def until(self, name: str, state: State) -> None:
        wait_for(lambda: self.state(name) is state, LONG_S, f"{name} to be {state}")

    def asked_at(self, name: str) -> str:
        """When its first pull was asked for."""
        return next(
            entry.at for entry in self.document(name).history if entry.event == Event.PULL_ASKED.value
        )

    def given_to_the_backend(self) -> set[str]:
        """StudyInstanceUIDs in the backend's own record."""
        lines = self.stack.backend.record.read_text(encoding="utf-8").splitlines()
        return {entry["studyUID"] for entry in map(json.loads, lines) if entry["event"] == "accepted"}

    def message_priority(self, name: str) -> int:
        """That RabbitMQ was given with the study's message."""
        return int(self.document(name).handovers[-1].message["priorities"])


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    ris = Ris(tmp_path / "ris.db")
    settings = {**SETTINGS, "ris": {**SETTINGS["ris"], "url": ris.url}}
    with Stack(tmp_path / "run", StackOptions(settings=settings)) as stack:
        made = Hospital(stack, ris)
        yield made
        made.store.close()


def test_orders_decide_what_is_pulled_and_what_goes_first(hospital: Hospital) -> None:
    ris = hospital.ris
    hospital.stack.pacs_module.stop()  # all of them are there when it first looks
    for number, name in enumerate(("routine1", "routine2", "routine3")):
        hospital.scan(name, f"08{number}000")
        ris.order(f"ACC{name}", f"PID{name}", CHEST)
    hospital.scan("urgent", "120000")
    ris.order("ACCurgent", "PIDurgent", CHEST, EMERGENCY)
    hospital.scan("belly", "090000")
    ris.order("ACCbelly", "PIDbelly", ABDOMEN)
    hospital.scan(
        "elsewhere", "091000"
    )  # its own order is for the abdomen, another one of that patient and day for the chest
    ris.order("ACCelsewhere", "PIDelsewhere", ABDOMEN)
    ris.order("ACCother", "PIDelsewhere", CHEST)
    hospital.scan("later", "070000")
    hospital.stack.pacs_module.start()

    taken = ("urgent", "routine1", "routine2", "routine3", "elsewhere")
    for name in taken:
        hospital.until(name, State.COMPLETED)
    assert min(taken, key=hospital.asked_at) == "urgent", "it was the last to be scanned"
    assert hospital.document("urgent").priority == priority.EMERGENCY
    assert hospital.document("routine1").priority == priority.ROUTINE
    hospital.until("belly", State.UNSUPPORTED_SERIES)
    assert hospital.document("belly").why == f"order body part {ABDOMEN}=ABDOMEN"
    assert hospital.document("belly").pull is None
    held = "held: the RIS has no order ACClater"
    wait_for(
        lambda: hospital.document("later").why == held,
        what="it is looked at: scanned last, it has waited least",
    )
    assert hospital.state("later") is State.META_ONLY
    assert hospital.given_to_the_backend() == {hospital.studies[name].uid for name in taken}
    assert hospital.message_priority("urgent") == priority.EMERGENCY
    assert hospital.message_priority("routine1") == priority.ROUTINE

    ris.order("ACClater", "PIDlater", CHEST)
    hospital.until("later", State.COMPLETED)
    ris.order("ACCbelly", "PIDbelly", CHEST)
    hospital.until("belly", State.COMPLETED)
    assert hospital.given_to_the_backend() == {study.uid for study in hospital.studies.values()}
