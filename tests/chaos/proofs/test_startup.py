"""
Every order of starting: each server in turn is the last one, the others wait for it, say so, and go on by
themselves.

The stack's own order is what the other runs prove; a store or a journal that cannot be opened at the start is
in test_supervision.py and test_plugins_start.py.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hospital_sim.sending.scu import Pacs
from stack.servers.orthanc import HOSPITAL_NAME
from tests.chaos.rig.harness import Rig
from tests.chaos.rig.small_day import small_day
from tests.support.images.dicom_maker import store

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

SERVERS = ("Orthanc", "pacs_module", "RabbitMQ", "backend", "PACS")
WHO_IS_AWAY = {
    "Orthanc": ("receiving Orthanc at 127.0.0.1:", f"find {HOSPITAL_NAME} failed"),
    "RabbitMQ": ("RabbitMQ at 127.0.0.1:", "RabbitMQ at 127.0.0.1"),
    "PACS": (f"PACS {HOSPITAL_NAME}", f"find {HOSPITAL_NAME} failed"),
    "backend": ("backend at 127.0.0.1:", "circuit of the backend is open"),
}
"""How pacs_module's health calls them, and what its log says."""
PLUGINS_SAY = "pacs_module did not take a message; it is kept and sent again"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("startup")) as rig:
        yield rig


def said(rig: Rig, log: str, words: str, after: int) -> bool:
    """Whether an event of that log says so."""
    text = (rig.stack.log_folder / log).read_text(encoding="utf-8")[after:]
    return any(words in json.dumps(json.loads(line)) for line in text.splitlines() if line.endswith("}"))


def size(path: Path) -> int:
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


def away(rig: Rig, name: str) -> list[dict[str, Any]]:
    """What pacs_module's health says of a server that it waits for."""
    answer = requests.get(f"{rig.stack.pacs_module.url}/health/ready", timeout=60)
    assert answer.status_code == 200, "that others are away is no reason to be started again"
    return [entry for entry in answer.json()["waitsFor"] if entry["what"].startswith(name)]


def told(entries: list[dict[str, Any]]) -> bool:
    """Whether the answer has all that an operator wants to know."""
    return bool(entries) and all(entry["since"] and entry["because"] and entry["loops"] for entry in entries)


@pytest.mark.parametrize("last", SERVERS)
def test_it_waits_says_for_what_and_goes_on_by_itself(rig: Rig, last: str) -> None:
    for name in SERVERS:
        rig.servers[name].kill()
    others = [name for name in SERVERS if name != last]
    random.Random(last).shuffle(others)
    logs = {"pacs_module": "dcm_end.jsonl", "plugins": "orthanc-python.jsonl"}
    before = {who: size(rig.stack.log_folder / log) for who, log in logs.items()}
    for name in others:
        rig.servers[name].start()
    day = rig.send_day(f"{SERVERS.index(last)}") if last != "PACS" else None
    if last == "pacs_module":
        push_one(rig)
        rig.wait(
            lambda: said(rig, logs["plugins"], PLUGINS_SAY, before["plugins"]),
            "the plugins say that it is missing",
        )
    else:
        name, words = WHO_IS_AWAY[last]
        rig.wait(
            lambda: told(away(rig, name)),
            f"health says that {last} is missing, since when, why, and who waits",
        )
        rig.wait(
            lambda: said(rig, logs["pacs_module"], words, before["pacs_module"]),
            f"the log says that {last} is missing",
        )
    rig.servers[last].start()
    day = day or rig.send_day(f"{SERVERS.index(last)}")
    found = rig.until_settled(day.wanted)
    assert found.faults == []
    assert found.computed == found.wanted
    if last != "pacs_module":
        rig.wait(lambda: away(rig, WHO_IS_AWAY[last][0]) == [], f"{last} is not waited for any more")


def push_one(rig: Rig) -> None:
    """A device sends unasked, so that the plugins have something to tell."""
    day, receiver = small_day("pushed", rig.stack.time_zone), rig.stack.receiver
    hospital = rig.stack.hospital
    for study in day.studies:
        for server in (hospital, receiver):
            store(Pacs("127.0.0.1", server.ports.dicom, server.aet), study.images)
    rig.wanted += day.wanted


def test_a_backend_says_that_it_keeps_a_result_for_a_pacs_module_that_is_missing(rig: Rig) -> None:
    computing = rig.faults / "waits"
    rig.arm("computing", str(computing))
    day = rig.send_day("result")
    rig.wait(computing.exists, "the backend computes")
    rig.servers["pacs_module"].kill()
    log = rig.process("backend").log_file
    before = size(log)
    computing.unlink()
    rig.wait(
        lambda: "Connection refused" in log.read_text(encoding="utf-8")[before:],
        "the backend says that nobody is there",
    )
    rig.servers["pacs_module"].start()
    found = rig.until_settled(day.wanted)
    assert found.faults == []
    assert found.computed == found.wanted
