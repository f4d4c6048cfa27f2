"""
The auditor sees losses: the same disaster with one safeguard taken out, and with all of them in place.

Proves that a matrix without losses is no blindness of the auditor. That a safeguard is the only thing between
a study and its loss it proves for the disaster chosen here, not for all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hospital_sim.sending.scu import Pacs
from tests.chaos.audit.auditor import Audit, ask, open_rows, read_documents
from tests.chaos.rig.harness import Rig
from tests.chaos.rig.small_day import Day, small_day
from tests.support.images.dicom_maker import store

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

UNSAFE = Path(__file__).parents[1] / "programs" / "unsafe.py"
WITHOUT_JOURNAL = Path(__file__).parents[1] / "programs" / "without_journal.py"
WITHOUT_RECORDS = Path(__file__).parents[1] / "programs" / "without_records.py"
"""And without the manifests, from which a new journal takes up what it does not know (K14)."""
LOST_FOR_GOOD_S = 30.0
"""
With all safeguards the disasters here are over in ten; a slow machine can only make the proof easier, not
fail it.
"""


def stopped_at(rig: Rig, place: str) -> tuple[Day, Path]:
    """A small day, and a process that waits at a place with one of its studies."""
    waits = rig.faults / "waits"
    rig.arm(place, str(waits))
    day = rig.send_day("1")
    rig.wait(waits.exists, f"a process waits at {place}")
    return day, waits


def pacs_module_dies_between_state_and_message(rig: Rig) -> Day:
    rig.arm("outbox_written", "kill")
    day = rig.send_day("1")
    rig.wait_dead(rig.process("pacs_module"))
    rig.servers["pacs_module"].kill()
    rig.servers["pacs_module"].start()
    return day


def rabbitmq_dies_with_the_message(rig: Rig) -> Day:
    """And with the worker that had it, when the outbox has done with it: the message is RabbitMQ's alone."""
    day, _ = stopped_at(rig, "consumed")
    rig.wait(lambda: "queued" in states(rig), "the message counts as queued")
    for name in ("pacs_module", "RabbitMQ"):
        rig.servers[name].kill()
    for name in ("RabbitMQ", "pacs_module"):
        rig.servers[name].start()
    return day


def states(rig: Rig) -> set[str]:
    """Of all hand-overs."""
    return {
        item["messageState"] for study in read_documents(rig.store).values() for item in study["handovers"]
    }


def ram_disk_is_emptied(rig: Rig) -> Day:
    """When the plugins have done with it: only the message in RabbitMQ speaks of it."""
    day, waits = stopped_at(rig, "consumed")
    rig.wait(lambda: not open_rows(rig.sources().journal), "the plugins owe nothing any more")
    rig.empty_ram_disk()
    waits.unlink()
    rig.stack.receiver.start()
    return day


def orthanc_restarts_while_pacs_module_is_away(rig: Rig) -> Day:
    """Studies that a device pushed; too old for a find to bring them another time."""
    rig.servers["pacs_module"].kill()
    zone = rig.stack.time_zone
    old = (datetime.now(ZoneInfo(zone)) - timedelta(days=20)).strftime("%Y%m%d")
    day = small_day("1", zone)
    hospital, receiver = rig.stack.hospital, rig.stack.receiver
    for study in day.studies:
        for image in study.images:
            image.StudyDate = old
        for server in (hospital, receiver):
            store(Pacs("127.0.0.1", server.ports.dicom, server.aet), study.images)
    rig.wanted += day.wanted
    rig.wait(lambda: len(_handed_over(receiver.handover_folder)) == len(day.wanted), "both were handed over")
    rig.wait(lambda: not _studies(rig), "Orthanc has deleted them")
    receiver.kill()
    receiver.start()
    rig.servers["pacs_module"].start()
    return day


def _handed_over(folder: Path) -> list[Path]:
    """The hand-overs, without the manifest beside each."""
    return [entry for entry in folder.iterdir() if entry.is_dir()]


def _studies(rig: Rig) -> Any:
    return ask(rig.sources().receiver, "studies")


DISASTERS: dict[str, Callable[[Rig], Day]] = {
    "outbox": pacs_module_dies_between_state_and_message,
    "confirms": rabbitmq_dies_with_the_message,
    "re-pull": ram_disk_is_emptied,
    "journal": orthanc_restarts_while_pacs_module_is_away,
}


def after_the_disaster(
    folder: Path, safeguard: str, options: dict[str, Any], within_s: float | None
) -> Audit:
    with Rig(folder, options) as rig:
        day = DISASTERS[safeguard](rig)
        return rig.until_settled(day.wanted, within_s) if within_s else rig.until_settled(day.wanted)


@pytest.mark.parametrize("safeguard", DISASTERS)
def test_without_it_the_auditor_reports_a_loss(tmp_path: Path, safeguard: str) -> None:
    if safeguard == "journal":
        options: dict[str, Any] = {"orthanc_script": WITHOUT_RECORDS}
    else:
        options = {"pacs_module_command": (sys.executable, str(UNSAFE), safeguard)}
    found = after_the_disaster(tmp_path, safeguard, options, LOST_FOR_GOOD_S)
    print(safeguard, found.lost, found.stuck)
    assert found.lost + found.stuck != []
    assert found.computed < found.wanted


@pytest.mark.parametrize("safeguard", DISASTERS)
def test_with_it_nothing_is_lost(tmp_path: Path, safeguard: str) -> None:
    found = after_the_disaster(tmp_path, safeguard, {}, None)
    assert found.faults == []
    assert found.computed == found.wanted


def test_what_the_journal_has_lost_is_taken_from_the_manifests(tmp_path: Path) -> None:
    found = after_the_disaster(tmp_path, "journal", {"orthanc_script": WITHOUT_JOURNAL}, None)
    assert found.faults == []
    assert found.computed == found.wanted
