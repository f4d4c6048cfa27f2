"""
A stop while somebody does not answer: over within the bound that run.py promises, said in status and log, and
the next start takes up what was under way, without anything being computed twice.

And threads that hang or die in the middle of a day. Does not prove a stop of Orthanc (it ends a running
C-MOVE first).
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.chaos.rig.alone import STOP_WITHIN_S
from tests.chaos.rig.harness import SETTINGS, Rig
from tests.chaos.rig.proxy import Mode, Proxy

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

DYING = Path(__file__).parents[1] / "programs" / "dying.py"


class Detours:
    """A proxy on each connection."""

    def __init__(self) -> None:
        self.by_name: dict[str, Proxy] = {}

    def __call__(self, name: str, port: int) -> int:
        self.by_name[name] = Proxy(port)
        return self.by_name[name].port

    def hold(self, name: str) -> Callable[[], None]:
        """Nothing gets through any more; gives what ends that."""
        self.by_name[name].mode = Mode.HOLD

        def let_through() -> None:
            self.by_name[name].mode = Mode.PASS

        return let_through

    def close(self) -> None:
        for proxy in self.by_name.values():
            proxy.close()


@pytest.fixture(scope="module")
def detours() -> Iterator[Detours]:
    made = Detours()
    yield made
    made.close()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, detours: Detours) -> Iterator[Rig]:
    settings = {**SETTINGS, "backend": {**SETTINGS["backend"], "timeout_s": 120.0}, "stuck_after_s": 2.0}
    with Rig(tmp_path_factory.mktemp("stops"), {"settings": settings}, detours) as rig:
        yield rig


def events(rig: Rig, after: int = 0) -> list[str]:
    """What pacs_module has logged since so many bytes, line by line as JSON."""
    text = (rig.stack.log_folder / "dcm_end.jsonl").read_bytes()[after:]
    return text.decode("utf-8").splitlines()


def logged(rig: Rig) -> int:
    """So many bytes."""
    return (rig.stack.log_folder / "dcm_end.jsonl").stat().st_size


def ready(rig: Rig) -> dict[str, Any]:
    """What it says of itself."""
    told: dict[str, Any] = requests.get(f"{rig.stack.pacs_module.url}/health/ready", timeout=60).json()
    return told


def hang(rig: Rig, detours: Detours, whom: str) -> Callable[[], None]:
    """Break it, and wait until pacs_module stands in the middle of a step because of it."""
    if whom == "store":
        rig.servers["store"].kill()
        over: Callable[[], None] = rig.servers["store"].start
    else:
        over = detours.hold(f"pacs_module to {whom}")
    loops = {"backend": "WORKER", "RabbitMQ": "WORKER", "Orthanc": "find", "store": ""}[whom]

    def stands() -> bool:
        told = requests.get(f"{rig.stack.pacs_module.url}/health", timeout=60).json()["loops"]
        return any(loop["stepForS"] >= 3 for name, loop in told.items() if name.startswith(loops))

    rig.wait(stands, f"a step hangs at {whom}")
    return over


@pytest.mark.parametrize("whom", ["backend", "RabbitMQ", "Orthanc", "store"])
def test_a_stop_while_somebody_hangs(rig: Rig, detours: Detours, whom: str) -> None:
    if whom != "backend":
        waits = rig.faults / "waits"
        rig.arm("consumed", str(waits))
    day = rig.send_day(whom)
    if whom != "backend":
        rig.wait(waits.exists, "a worker has a message")
    over = hang(rig, detours, whom)
    rig.disarm()
    before = logged(rig)
    process = rig.process("pacs_module")
    status, seconds = stopped(process)
    lines = events(rig, before)
    (last,) = [line for line in lines if '"pacs_module stopped"' in line]
    print(whom, status, round(seconds, 1), last)
    assert seconds < STOP_WITHIN_S
    assert status == (0 if '"left": []' in last else 1)
    over()
    rig.servers["pacs_module"].kill()
    rig.servers["pacs_module"].start()
    found = rig.until_settled(day.wanted)
    assert found.faults == []
    assert found.computed == found.wanted


def stopped(process: Any) -> tuple[int, float]:
    """Exit status and seconds from SIGTERM to the end."""
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    status = process._popen.wait(STOP_WITHIN_S)
    return status, time.monotonic() - begin


def test_the_leases_of_a_process_that_was_stopped_are_free(rig: Rig) -> None:
    rig.wait(lambda: owners(rig) != set(), "it finds")
    status, _ = stopped(rig.process("pacs_module"))
    assert (status, owners(rig)) == (0, set())
    rig.servers["pacs_module"].kill()
    rig.servers["pacs_module"].start()


def owners(rig: Rig) -> set[str]:
    """Who holds leases."""
    assert isinstance(rig.store, Path)
    connection = sqlite3.connect(rig.store)
    try:
        return {
            owner for (owner,) in connection.execute("SELECT DISTINCT owner FROM leases WHERE owner != ''")
        }
    finally:
        connection.close()


def test_a_step_that_hangs_is_told_and_so_is_its_end(rig: Rig) -> None:
    waits, before = rig.faults / "waits", logged(rig)
    rig.arm("published", str(waits))
    day = rig.send_day("hangs")
    rig.wait(waits.exists, "the publisher stands still")
    rig.wait(lambda: [entry["loop"] for entry in ready(rig)["stuckLoops"]] == ["publish"], "health tells it")
    assert not ready(rig)["ready"]
    rig.wait(
        lambda: any('"publish is stuck"' in line and "act(" in line for line in events(rig, before)),
        "so does the log",
    )
    waits.unlink()
    rig.wait(lambda: ready(rig)["ready"], "it goes on")
    rig.wait(
        lambda: any('"publish is not stuck any more"' in line for line in events(rig, before)), "and says so"
    )
    found = rig.until_settled(day.wanted)
    assert found.faults == []
    assert found.computed == found.wanted


def test_a_day_on_which_every_thread_dies_once(tmp_path: Path) -> None:
    with Rig(tmp_path, {"pacs_module_command": (sys.executable, str(DYING))}) as rig:
        day = rig.send_day("dies")
        found = rig.until_settled(day.wanted)
        assert found.faults == []
        assert found.computed == found.wanted
        loops = requests.get(f"{rig.stack.pacs_module.url}/health", timeout=60).json()["loops"]
        assert "supervisor" in loops

        def missing() -> set[str]:
            lines = events(rig)
            return {
                name
                for name in loops
                if not any(f'"{name} had died and is started again"' in line for line in lines)
            }

        rig.wait(lambda: missing() == set(), "each has died and was started again")
        rig.wait(lambda: ready(rig)["ready"], "all run")
