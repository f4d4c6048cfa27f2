"""
Rules that change ten times while a day runs, and each process dies in the middle of it: every verdict names
the rules that made it and is what these say, no study is judged half by one and half by others, none is lost.

The whole stack, the rules applied over HTTP as the page does it. Does not prove how fast a change takes
effect: tests/integration/receive/test_rules_while_running.py waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.chaos.audit.auditor import read_documents
from tests.chaos.rig.harness import FIRST, Rig
from tests.chaos.rig.small_day import Day
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

CHANGES = 10
THICK, THICK_MM, HTTP_S = "Lung 5.0", 5.0, 30.0
LIMITS_MM = (3.0, 8.0)
"""In turn: a small day's thick series, which nobody wants in the end, is filtered by the one and not by the other."""
KILLED = {3: "Orthanc", 6: FIRST}
"""Who dies after which change."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("rules")) as running:
        yield running


def apply(rig: Rig, limit: float) -> str:
    """The version that is in force from then on."""
    module = rig.stack.pacs_module
    answer = requests.post(
        f"{module.url}/api/v1/dcm/rules",
        json={"changes": [f"SLICE_THICKNESS_MAX={limit}"], "by": "hans", "why": "a day of changes"},
        headers={"X-API-Key": module.api_key},
        timeout=HTTP_S,
    )
    answer.raise_for_status()
    return str(answer.json()["version"])


def changed_day(rig: Rig) -> tuple[list[Day], dict[str, float]]:
    """Ten small days, one after each change; and the limit of each version."""
    days, limits = [], {}
    for number in range(CHANGES):
        limit = LIMITS_MM[number % 2]
        limits[apply(rig, limit)] = limit
        days.append(rig.send_day(f"rules{number}"))
        if number in KILLED:
            rig.servers[KILLED[number]].kill()
            rig.servers[KILLED[number]].start()
    return days, limits


def judged(rig: Rig) -> dict[str, list[dict[str, Any]]]:
    """The series of each study that were judged."""
    documents = read_documents(rig.store)
    return {
        uid: [one for one in document.get("series", {}).values() if "verdict" in one]
        for uid, document in documents.items()
    }


def test_ten_changes_while_a_day_runs(rig: Rig) -> None:
    days, limits = changed_day(rig)
    wanted = [study for day in days for study in day.wanted]
    audit = rig.until_settled(wanted)
    assert not audit.faults
    assert audit.computed == len(wanted)
    assert len(limits) == CHANGES, "each change made rules of its own"
    everybody = {study.uid for day in days for study in day.studies}
    # What nobody wants is judged, too; the audit waits for the wanted ones alone.
    wait_for(
        lambda: everybody <= {uid for uid, series in judged(rig).items() if series}, 120, what="verdicts"
    )
    studies = judged(rig)
    versions = {uid: {one["verdict"]["rules"] for one in series} for uid, series in studies.items()}
    assert {uid: found for uid, found in versions.items() if len(found) > 1} == {}, "half and half"
    named = set().union(*versions.values())
    assert named <= set(limits), "every verdict names rules that were applied"
    assert len(named) > 1, "the rules changed while the day ran"
    thick = [one for series in studies.values() for one in series if one["seriesDescription"] == THICK]
    assert thick
    assert [
        one for one in thick if one["verdict"]["taken"] != (limits[one["verdict"]["rules"]] >= THICK_MM)
    ] == []
