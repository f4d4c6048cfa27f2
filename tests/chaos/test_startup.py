"""
Every order of starting: each server in turn is the last one, the others wait for it, say so, and go on by themselves.

The stack's own order is what the other runs prove.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.harness import Rig

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

SERVERS = ("Orthanc", "pacs_module", "RabbitMQ", "backend", "PACS")
WHO_SAYS_IT = {
    "Orthanc": ("dcm_end.jsonl", "find HOSPITAL-PACS failed"),
    "RabbitMQ": ("dcm_end.jsonl", "RabbitMQ at 127.0.0.1"),
    "PACS": ("dcm_end.jsonl", "find HOSPITAL-PACS failed"),
}
"""The log, and the words in it, by which somebody says that this one is missing; of the others nothing is wanted at first."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("startup")) as rig:
        yield rig


def said(rig: Rig, log: str, words: str, after: int) -> bool:
    text = (rig.stack.log_folder / log).read_text(encoding="utf-8")[after:]
    return any(words in json.dumps(json.loads(line)) for line in text.splitlines() if line.endswith("}"))


def size(path: Path) -> int:
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


@pytest.mark.parametrize("last", SERVERS)
def test_it_waits_says_for_what_and_goes_on_by_itself(rig: Rig, last: str) -> None:
    for name in SERVERS:
        rig.servers[name].kill()
    others = [name for name in SERVERS if name != last]
    random.Random(last).shuffle(others)
    log, words = WHO_SAYS_IT.get(last, ("dcm_end.jsonl", ""))
    before = size(rig.stack.log_folder / log)
    for name in others:
        rig.servers[name].start()
    day = rig.send_day(f"{SERVERS.index(last)}") if last != "PACS" else None
    if words:
        rig.wait(lambda: said(rig, log, words, before), f"somebody says that {last} is missing")
    rig.servers[last].start()
    day = day or rig.send_day(f"{SERVERS.index(last)}")
    found = rig.until_settled(day.wanted)
    assert found.faults == []
    assert found.computed == found.wanted
