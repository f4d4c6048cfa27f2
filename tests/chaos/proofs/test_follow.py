"""
kill -9 where it was just decided that a series is pulled ahead of its study: the next start pulls it, and
nothing is computed twice under another key.

Beside the matrix, whose small days are found stable before a series of theirs stands still. Does not prove
that a scan is followed in time: benchmarks/follow_the_scan.py measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.servers.orthanc import HOSPITAL_NAME
from stack.settings_file import merged
from tests.chaos.audit.auditor import read_documents
from tests.chaos.rig.harness import SETTINGS, Rig

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

FOLLOWED = {"find_interval_s": 12.0, "pacs": [{"name": HOSPITAL_NAME, "follow": True}]}
"""Finds so far apart that a series is seen to stand still between two of them."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("follow"), {"settings": merged(SETTINGS, FOLLOWED)}) as running:
        yield running


def early_pulls(rig: Rig) -> int:
    """Studies of which a series was pulled ahead."""
    documents = read_documents(rig.store).values()
    pulls = [pull for one in documents for pull in (*one.get("pulls", ()), one.get("pull", {}))]
    return sum(pull.get("early", False) for pull in pulls)


@pytest.mark.parametrize("victim", ["pacs_module", "Orthanc", "PACS"])
def test_who_dies_where_a_series_was_chosen_ahead(rig: Rig, tmp_path: Path, victim: str) -> None:
    before = early_pulls(rig)
    waits = rig.faults / "waits"
    rig.arm("followed", "kill" if victim == "pacs_module" else str(waits))
    day = rig.send_day(victim[0])
    if victim == "pacs_module":
        rig.wait_reached("followed")
        rig.wait_dead(rig.process(victim))
        rig.servers[victim].kill()
    else:
        rig.wait(waits.exists, "a series was chosen ahead")
        rig.servers[victim].kill()
        waits.unlink()
    rig.servers[victim].start()
    audit = rig.until_settled(day.wanted)
    assert not audit.faults
    assert early_pulls(rig) > before
