"""
kill -9 of the receiving Orthanc and of pacs_module at ten seeded instants each, started again at once:
nothing is lost.

Each run sends a small day to the PACS while the pipeline works; somewhere in it one process dies. Judged from
the PACS's content and from the backend's own record, image by image. Proves nothing of kills at chosen
places, of RabbitMQ, or of a RAM disk that goes with them: that is the chaos matrix.
"""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest
from rich.console import Console

from demo.script import department, simulated
from demo.watch import Watcher, judge_all
from hospital_sim.devices import SOFT_KERNELS
from stack.ram_disk import GIB
from stack.whole import Stack, StackOptions

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

SEND_S = 8.0
RUN_S = 16.0
"""A run without a kill takes about this long: kills are spread over it, from finding to the last result."""
DEADLINE_S = 600.0
SETTINGS = {
    "find_interval_s": 1.0,
    "crossday": -1,
    "pull": {"first_pause_s": 2.0, "watch_s": 3.0},
    "backend": {"first_pause_s": 2.0},
}


class Victim(Protocol):
    """A server of the stack."""

    def kill(self) -> None:
        """SIGKILL."""

    def start(self) -> None:
        """Start again."""


@pytest.fixture(scope="module", params=["receiver", "pacs_module"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Stack]]:
    """One stack for the ten runs of a victim: later runs meet what earlier ones have left."""
    options = StackOptions(
        ram_disk_bytes=GIB, settings=SETTINGS, switches={"KERNEL_PREFERRED": list(SOFT_KERNELS)}
    )
    with Stack(tmp_path_factory.mktemp(request.param), options) as stack:
        yield request.param, stack


@dataclass
class Kill:
    """Kills a server so many seconds after its start, and starts it again."""

    victim: Victim
    after_s: float
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            time.sleep(self.after_s)  # the instant is the test: seeded, not a wait for something
            self.victim.kill()
            self.victim.start()
        except BaseException as error:
            self.error = error

    def done(self) -> None:
        """Wait for its end; raise what went wrong."""
        self._thread.join(120)
        assert not self._thread.is_alive(), "the victim did not start again"
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_kill_at_a_seeded_instant_loses_nothing(stack: tuple[str, Stack], seed: int) -> None:
    name, running = stack
    number = seed + (100 if name == "receiver" else 200)
    instant = random.Random(number).uniform(0.0, RUN_S)
    print(f"{name} is killed {instant:.2f} s after the department began")
    script = simulated("small", seed=number, send_s=SEND_S)
    sender = department(running, script)
    watcher = Watcher(running, script, Console(file=io.StringIO()))
    sender.spawn()
    kill = Kill(getattr(running, name), instant)
    settled = watcher.until_settled(sender, time.monotonic() + DEADLINE_S)
    kill.done()
    rows = judge_all(running, script, watcher.sent_at)
    mine = {study.label for study in script.expected}
    assert [(row.label, row.fault) for row in rows if row.fault and row.label in mine] == []
    assert settled, {uid: document.get("state") for uid, document in watcher.documents.items()}
