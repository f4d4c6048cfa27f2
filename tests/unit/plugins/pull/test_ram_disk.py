"""The watch over the RAM disk, and what is learned of devices; the disk itself is a number here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aipull.journal.device_sizes import SizeRows
from aipull.journal.journal import Journal
from aipull.pull import ram_disk_watch
from aipull.pull.admission import Admission, Sizes
from aipull.pull.ram_disk_watch import RamDiskWatch
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.pull.ram_disk import MB, Disk, Seen
from pacs_module.domain.receive.reception_state import ReceptionState
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from tests.fakes.reception_desk import Desk

TOTAL = 100 * MB


class SmallDisk(Admission):
    free = TOTAL

    def disk(self) -> Disk:
        return Disk(TOTAL, self.free, 10 * MB)


@pytest.fixture
def room(desk: Desk, journal: Journal) -> SmallDisk:
    tables = desk.tables
    sizes = Sizes(desk.store, tables.receptions, SizeRows(journal), Switches())
    index = desk.log_folder / "index"
    return SmallDisk(desk.log_folder, 10, tables.pulls, sizes, tables.handovers, tables.receptions, index)


@pytest.fixture
def watch(desk: Desk, room: SmallDisk) -> RamDiskWatch:
    log = ContractLog(desk.log_folder, "orthanc-python")
    return RamDiskWatch(room, desk.tables, desk.store, 85, log)


def events(folder: Path) -> list[str]:
    lines = (folder / "orthanc-python.jsonl").read_text(encoding="utf-8").splitlines()
    return [record["text"] for record in map(json.loads, lines) if "event" in record]


def test_a_full_disk_is_said_once_and_so_is_its_end(watch: RamDiskWatch, room: SmallDisk, desk: Desk) -> None:
    for free in (50, 14, 10, 20, 30):
        room.free = free * MB
        watch.step()
    said = [event for event in events(desk.log_folder) if "RAM disk" in event]
    assert said == ["the RAM disk is full", "the RAM disk is emptier again"]
    assert not watch.is_full()


def test_half_received_studies_that_block_each_other_are_pulled_again_one_by_one(
    desk: Desk, watch: RamDiskWatch, room: SmallDisk
) -> None:
    desk.store.image_bytes = 500_000
    requests = []
    for study in ("1.1", "1.2"):
        requests.append(desk.ask(study, expected=120))
        desk.store.add(study, f"{study}.1", 80)
        desk.step()
        desk.end(requests[-1], "disk full")
        desk.step()
        desk.step(5.0)
    room.free = 20 * MB  # 2 x 40 MB lie on it
    assert desk.tables.journal.counts()["studiesParked"] == 2
    again = [
        PullRequest(f"again-{request.study_uid}", request.study_uid, "PACS", expected=120)
        for request in requests
    ]
    assert [room.ask_for(request).fits for request in again] == [False, False]  # 22 MB each
    watch.step()
    assert desk.tables.journal.counts()["studiesParked"] == 2  # not at the first look
    watch.step()
    assert desk.tables.journal.counts()["studiesParked"] == 1
    desk.deletion.step()
    assert {image["study"] for image in desk.store.images.values()} == {"1.1"}
    room.free = 60 * MB
    assert room.ask_for(again[0]).fits
    watch.step()
    assert desk.tables.journal.counts()["studiesParked"] == 1


def test_the_last_bytes_of_the_disk_are_for_a_study_that_is_alone_on_it(desk: Desk, room: SmallDisk) -> None:
    """An index that has grown past what is reckoned must not keep a large study waiting for ever."""
    room.free = 90 * MB  # reckoned with are 8 MB for the index; it takes 10
    large = PullRequest("p1", "1.1", "PACS", expected=1000)
    desk.store.image_bytes = 500_000
    other = desk.ask("1.2", expected=12)
    assert not room.ask_for(large).fits  # the other one is on its way
    desk.store.add("1.2", "1.2.1", 6)
    desk.step()
    desk.end(other, "aborted")
    desk.step()
    desk.step(5.0)
    assert not room.ask_for(large).fits  # and lies here half
    reception = desk.tables.receptions.of_study("1.2", ReceptionState.SHORT)
    assert reception is not None
    desk.tables.receptions.delete(reception, desk.store.images, 1)
    assert not room.ask_for(large).fits
    desk.deletion.step()
    assert room.ask_for(large).fits


def test_the_index_is_measured(desk: Desk, room: SmallDisk) -> None:
    before = Admission.disk(room).index
    (desk.log_folder / "index").write_bytes(b"0" * 3000)
    (desk.log_folder / "index-wal").write_bytes(b"0" * 4000)
    assert (before, Admission.disk(room).index) == (0, 7000)


def test_what_a_device_sends_is_learned_before_it_is_deleted(desk: Desk, journal: Journal) -> None:
    device: dict[str, Any] = {
        "Manufacturer": "GE",
        "ManufacturerModelName": "Revolution",
        "Rows": "512",
        "Columns": "512",
    }
    desk.store.image_bytes = 540_000
    request = desk.ask("1.1", expected=12)
    desk.store.add("1.1", "1.1.1", 12, **device)
    desk.step()
    desk.end(request)
    desk.step()
    desk.step(10.0)
    desk.step(10.0)
    desk.deletion.step()
    assert desk.store.images == {}
    assert SizeRows(journal).all() == [Seen("CT", "GE", "Revolution", "512x512", 12, 12 * 540_000)]


def test_old_devices_fade(journal: Journal) -> None:
    rows = SizeRows(journal)
    for _ in range(5):
        rows.add(Seen("CT", "GE", "", "512x512", 6000, 6000))
    assert rows.all()[0].instances < 20_000


# --- pushes ---


def push(desk: Desk, study: str, images: int) -> None:
    desk.store.add(study, f"{study}.1", images)
    desk.step()


@pytest.fixture
def told(desk: Desk, watch: RamDiskWatch, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each image of the store in memory counts 1 MB; the disk may be filled with 82 MB, a push with 41 MB."""

    def statistics(resource: str) -> tuple[int, int]:
        study = resource.partition("/")[2]
        images = [one for one in desk.store.images.values() if f"{one['patient']}|{one['study']}" == study]
        return len(images), len(images) * MB

    monkeypatch.setattr(desk.store, "statistics", statistics)
    return []


def test_a_push_that_never_ends_is_told_with_its_sender_and_its_images_go(
    desk: Desk, watch: RamDiskWatch, told: list[str]
) -> None:
    push(desk, "1.2", 41)
    watch.step()
    assert len(desk.store.images) == 41
    push(desk, "1.2", 42)
    watch._next_pushes = 0.0
    watch.step()
    assert desk.store.images == {}
    (said,) = [event for event in events(desk.log_folder) if "budget" in event]
    assert (
        said == "a push is over its budget: 42 MB were pushed, a push may bring 41 MB; its images are deleted"
    )


def test_a_push_that_takes_for_ever_is_told_once_and_kept_while_there_is_room(
    desk: Desk, watch: RamDiskWatch, room: SmallDisk, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    push(desk, "1.2", 3)
    reception = desk.tables.receptions.of_study("1.2", ReceptionState.OPEN)
    assert reception is not None
    monkeypatch.setattr(ram_disk_watch, "now_ms", lambda: reception.opened_at + 5 * 3600 * 1000)
    for _ in range(3):
        watch._next_pushes = 0.0
        watch.step()
    assert len([event for event in events(desk.log_folder) if "budget" in event]) == 1
    assert len(desk.store.images) == 3
    room.free = MB
    watch._next_pushes = 0.0
    watch.step()
    assert desk.store.images == {}


def test_what_is_pulled_has_its_room_reserved_and_no_budget(
    desk: Desk, watch: RamDiskWatch, told: list[str]
) -> None:
    desk.ask("1.2", expected=200)
    push(desk, "1.2", 100)
    watch.step()
    assert len(desk.store.images) == 100
