"""
Two receiving Orthancs, each with a RAM disk of its own, in the whole stack: spread, killed, stopped in the middle.

Real processes on one machine. Not proved here: two machines, a network that is cut between them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from stack.ports import LOOPBACK
from stack.ram_disk import GIB
from stack.settings_file import merged
from stack.two_receivers import SecondReceiver, TwoReceivers
from tests.e2e.conftest import QUICK, Pipeline, options
from tests.support.images.dicom_maker import CHEST_CT, Study, store
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y%m%d")
SETTINGS = merged(
    QUICK,
    {
        "orthanc": {"name": "one", "timeout_s": 2.0},
        "pull": {"receiver_away_s": 3.0, "room_pause_s": 0.5, "watch_s": 1.0},
        "MOVE_SYNC": False,
    },
)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoReceivers]:
    with TwoReceivers(
        tmp_path_factory.mktemp("stack"), options(settings=SETTINGS, ram_disk_bytes=GIB)
    ) as two:
        hospital = two.hospital
        known = {"AET": SecondReceiver.aet, "Host": LOOPBACK, "Port": two.second.ports.dicom}
        requests.put(
            f"{hospital.url}/modalities/{SecondReceiver.aet}",
            json=known,
            auth=(hospital.user, hospital.password),
            timeout=10,
        ).raise_for_status()
        yield two
    shutil.rmtree(two.beside, ignore_errors=True)


def send(two: TwoReceivers, name: str, number: int, images: int = 12) -> list[str]:
    studies = [Study(f"{name}{one}", TODAY) for one in range(number)]
    for study in studies:
        study.add_series(images, CHEST_CT)
        store(Pipeline(two).hospital, study.images)
    return [study.uid for study in studies]


def story(two: TwoReceivers, uid: str) -> dict[str, Any]:
    return Pipeline(two).study(uid) or {}


def completed(two: TwoReceivers, uids: list[str]) -> None:
    def all_done() -> bool:
        return all(story(two, uid).get("state") == "completed" for uid in uids)

    wait_for(all_done, 120, what=lambda: str([story(two, uid).get("why") for uid in uids]))


def receivers(two: TwoReceivers, uids: list[str]) -> set[str]:
    return {story(two, uid)["receiver"] for uid in uids}


def computations(two: TwoReceivers) -> Counter[str]:
    """By study, as the backend wrote them down."""
    entries = [json.loads(line) for line in Path(two.backend.record).read_text("utf-8").splitlines()]
    return Counter(entry["studyUID"] for entry in entries if entry["event"] == "computed")


def away(two: TwoReceivers, name: str) -> bool:
    shown = Pipeline(two).get("/health").json()["ramDisk"].get("receivers", {})
    return bool(shown.get(name, {}).get("away", True))


def test_pulls_are_spread_and_every_study_is_computed_once(two: TwoReceivers) -> None:
    wait_for(lambda: not away(two, "one") and not away(two, "two"), what="both are there")
    uids = send(two, "SPREAD", 6)
    completed(two, uids)
    assert receivers(two, uids) == {"one", "two"}
    assert [computations(two)[uid] for uid in uids] == [1] * 6


@pytest.mark.parametrize("dead", ["one", "two"])
def test_one_killed_the_other_gets_all_and_it_is_used_again_when_it_is_back(
    two: TwoReceivers, dead: str
) -> None:
    killed = two.receiver if dead == "one" else two.second
    killed.kill()
    uids = send(two, f"KILLED{dead}", 3)
    completed(two, uids)
    assert receivers(two, uids) == {"one", "two"} - {dead}
    killed.start()
    wait_for(lambda: not away(two, dead), what=f"{dead} is back")
    again = send(
        two, f"BACK{dead}", 12
    )  # more at once than the other one takes before it is the busier of the two
    completed(two, again)
    assert dead in receivers(two, again)
    assert [computations(two)[uid] for uid in (*uids, *again)] == [1] * 15


def test_one_that_stands_still_with_pulls_loses_them_and_computes_none_of_them_twice(
    two: TwoReceivers,
) -> None:
    pid = two.second.process.pid
    assert pid is not None
    uids = send(two, "STOPPED", 6, images=40)
    wait_for(lambda: any(story(two, uid).get("receiver") == "two" for uid in uids), what="two has a pull")
    os.kill(pid, signal.SIGSTOP)
    try:
        completed(two, uids)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not away(two, "two"), what="two is back")

    def settled() -> bool:
        status = requests.get(
            f"{two.second.url}/aipull/status", auth=(two.second.user, two.second.password), timeout=10
        ).json()
        return status["room"]["pullsRunning"] == 0 and not status["counts"].get("outbox", 0)

    wait_for(settled, what="two has told all that it owes")
    assert [computations(two)[uid] for uid in uids] == [1] * 6
    items = [item for uid in uids for item in story(two, uid)["handovers"]]
    assert sum(item["messageState"] == "done" for item in items) == 6
    assert {item["messageState"] for item in items} <= {"done", "cancelled"}
