"""
The real stack loses one record at a time (K14): nothing is lost, and each loss is told.

The backend is away while hand-overs wait, so that the lost record is the only one that could have known what
is to be done. Does not prove the loss of Orthanc's index (tests/chaos: the RAM disk) nor of a real MongoDB.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pacs_module.adapters.queue.topology import Topology
from tests.chaos.rig.harness import FIRST, Rig
from tests.contract.queue.queue_cases import raw_channel

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]
NOTICED_S = 15.0
BACK_S = 90.0


class Site:
    """One stack; each test has a day of its own that waits for the backend."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.days = rig, 0

    @property
    def store(self) -> Path:
        assert isinstance(self.rig.store, Path)
        return self.rig.store

    def day_that_waits(self) -> list[str]:
        """A day is pulled and handed over while the backend is away; its studies that are to be computed."""
        self.days += 1
        self.rig.servers["backend"].kill()
        day = self.rig.send_day(f"k14-{self.days}", cts=2)
        uids = [one.study_uid for one in day.wanted]
        self.rig.wait(
            lambda: set(self.states(uids)) <= {"pull_data_end", "unsupported_series"},
            "the day waits for the backend",
        )
        return uids

    def states(self, uids: list[str]) -> list[str]:
        documents = [self.ask(f"/api/v1/dcm/debug?StudyInstanceUID={uid}&askPACS=false") for uid in uids]
        return [str(one["studies"][0]["state"]) if one["found"] else "unknown" for one in documents]

    def ask(self, path: str) -> dict[str, Any]:
        module = self.rig.stack.pacs_module
        answer = requests.get(module.url + path, headers={"X-API-Key": module.links.api_key}, timeout=60)
        found: dict[str, Any] = answer.json()
        return found

    def ready(self) -> int:
        return requests.get(f"{self.rig.stack.pacs_module.url}/health/ready", timeout=60).status_code

    def told(self, key: str, log: str = "dcm_end.jsonl") -> list[dict[str, Any]]:
        """The events with this key since the mark."""
        text = (self.rig.stack.log_folder / log).read_text(encoding="utf-8")
        events = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return [event for event in events if event.get("event") == key and event["at"] >= self.since]

    def mark(self) -> None:
        self.since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        time.sleep(1.0)  # the log's times are not finer than this mark

    def all_is_well(self) -> None:
        """
        The backend comes back, and everything that was ever wanted is computed, once its own, nothing left
        over.
        """
        self.rig.servers["backend"].start()
        found = self.rig.until_clean(within_s=300)
        assert found.clean, str(found)

    def audit(self) -> tuple[int, dict[str, Any]]:
        """``pacs-module audit --json`` as a person calls it."""
        settings = self.rig.stack.pacs_module.settings_file
        command = [sys.executable, "-m", "pacs_module", "audit", "--json", "-s", str(settings)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert ended.stdout, ended.stderr
        return ended.returncode, json.loads(ended.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Rig(tmp_path_factory.mktemp("k14")) as rig:
        yield Site(rig)


def remove_store(site: Site) -> None:
    for file in site.store.parent.glob(f"{site.store.name}*"):
        file.unlink()


def test_the_store_is_removed_while_stopped_and_hand_overs_wait(site: Site) -> None:
    uids = site.day_that_waits()
    waiting = site.states(uids).count("pull_data_end")
    assert waiting >= 2
    module = site.rig.stack.pacs_module
    site.mark()
    module.stop()
    remove_store(site)
    module.start()
    site.rig.wait(
        lambda: site.states(uids).count("pull_data_end") >= waiting, "what waits is adopted", BACK_S
    )
    new = [event for event in site.told("record_is_new") if event["record"] == "journal"]
    assert any(
        "this store is new" in event["text"] and f"knows {waiting} studies" in event["text"] for event in new
    ), new
    site.rig.wait(lambda: site.audit()[0] == 0, "the records are equal", BACK_S)
    site.all_is_well()


def test_the_stores_file_is_removed_while_it_runs(site: Site) -> None:
    uids = site.day_that_waits()
    before = site.states(uids)
    site.mark()
    remove_store(site)
    site.rig.wait(lambda: site.ready() == 503, "it is not ready", NOTICED_S)
    assert not site.store.exists()
    site.rig.wait(lambda: bool(site.told("store_lost")), "it is told", NOTICED_S)
    site.rig.wait(lambda: site.ready() == 200, "it is put back", BACK_S)
    assert site.told("store_recovered")
    assert site.states(uids) == before
    site.all_is_well()


def test_the_queue_is_reset_while_it_runs(site: Site) -> None:
    site.day_that_waits()
    site.mark()
    topology = Topology()
    with raw_channel(site.rig.stack.rabbitmq.url) as channel:
        for queue in (topology.queue, topology.installation_queue):
            channel.queue_delete(queue)
    module = site.rig.stack.pacs_module
    module.stop()
    module.start()
    site.rig.wait(
        lambda: any(event["record"] == "queue" for event in site.told("record_is_new")), "it is told", BACK_S
    )
    site.all_is_well()


def lose_journal(site: Site) -> None:
    journal = site.rig.stack.receiver.journal
    for file in journal.parent.glob(f"{journal.name}*"):
        file.unlink()


def lose_folder(site: Site) -> None:
    folder = site.rig.stack.receiver.handover_folder
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


LOSSES: dict[str, tuple[Callable[[Site], None], tuple[str, ...]]] = {
    "journal": (lose_journal, ("record_is_new",)),
    "folder": (
        lose_folder,
        ("records_differ", "files_lost"),
    ),  # a worker may meet the loss before the comparison does
}


@pytest.mark.parametrize("record", LOSSES)
def test_a_record_of_the_plugins_is_lost_while_orthanc_is_stopped(site: Site, record: str) -> None:
    site.day_that_waits()
    lose, events = LOSSES[record]
    site.mark()
    site.rig.servers["Orthanc"].kill()
    lose(site)
    site.rig.servers["Orthanc"].start()
    module = site.rig.stack.pacs_module
    module.stop()
    module.start()
    site.rig.wait(lambda: any(site.told(event) for event in events), "it is told", BACK_S)
    site.all_is_well()


def test_the_hand_over_folder_is_emptied_while_it_runs(site: Site) -> None:
    site.day_that_waits()
    site.mark()
    lose_folder(site)
    status, told = site.audit()
    assert status == 1 or site.told("files_lost"), "a worker may have met it before"
    assert {one["what"] for one in told["differences"]} <= {"files"}
    site.all_is_well()


def test_the_logs_are_removed_while_it_runs(site: Site) -> None:
    site.mark()
    for file in site.rig.stack.log_folder.iterdir():
        file.unlink()
    uids = site.day_that_waits()
    assert (site.rig.stack.log_folder / "dcm_end.log").exists()
    assert uids[0] in (site.rig.stack.log_folder / "orthanc-python.log").read_text(encoding="utf-8")
    assert site.told("log_lost")
    assert site.told("log_lost", "orthanc-python.jsonl")
    site.all_is_well()


def test_audit_says_that_all_is_equal(site: Site) -> None:
    status, told = site.audit()
    assert (status, told["equal"], told["differences"]) == (0, True, [])
    assert set(told["installations"]) == {"store", "journal", "queue"}
    assert FIRST
