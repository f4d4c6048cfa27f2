"""What the storm does: each disaster breaks one thing, lasts some seconds and is healed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from tests.chaos.rig.clocks import Clocks
from tests.chaos.rig.harness import SECOND, Rig, full
from tests.chaos.rig.proxy import Mode, Proxy

START_AGAIN_S = 300.0
KILLED = ("Orthanc", "pacs_module", SECOND, "RabbitMQ", "backend", "PACS")


@dataclass(frozen=True)
class Disaster:
    """
    ``target``: what no other disaster may touch meanwhile; ``work`` breaks it, waits so many seconds, heals
    it.
    """

    name: str
    target: str
    seconds: float
    work: Callable[[float], None]


def start_again(rig: Rig, name: str) -> None:
    """
    As a supervisor does: a process that could not start, because something else is broken just now, is
    started again.
    """
    deadline = time.monotonic() + START_AGAIN_S
    while True:
        try:
            rig.servers[name].start()
            return
        except StackError:
            if time.monotonic() > deadline:
                raise
            rig.servers[name].kill()


@dataclass(frozen=True)
class Storm:
    """All disasters that can be, over one rig."""

    rig: Rig
    proxies: dict[str, Proxy]
    clocks: Clocks | None
    disks: tuple[Path, ...]

    @property
    def moves_need(self) -> frozenset[str]:
        """Targets without which no C-MOVE runs on, or nobody takes its end in."""
        return frozenset({*KILLED, "Orthanc to PACS", "PACS to Orthanc", *map(str, self.disks[1:])}) - {
            "RabbitMQ",
            "backend",
        }

    def choose(self, chance: random.Random) -> Disaster:
        """The next one; the same seed gives the same sequence."""
        kinds: list[Callable[[random.Random], Disaster]] = [
            self._kill,
            self._kill,
            self._cut,
            self._cut,
            self._freeze,
            self._lock,
        ]
        kinds += [self._full, self._power_cut] if self.disks else [self._power_cut]
        kinds += [self._clock] if self.clocks else []
        return chance.choice(kinds)(chance)

    def _kill(self, chance: random.Random) -> Disaster:
        name = chance.choice(KILLED)
        return Disaster(
            f"kill -9 {name}",
            name,
            chance.choice((0.0, 1.0, 5.0)),
            lambda seconds: self._killed(name, seconds),
        )

    def _killed(self, name: str, seconds: float) -> None:
        self.rig.servers[name].kill()
        time.sleep(seconds)
        start_again(self.rig, name)

    def _cut(self, chance: random.Random) -> Disaster:
        name, mode = (
            chance.choice(sorted(self.proxies)),
            chance.choice([mode for mode in Mode if mode is not Mode.PASS]),
        )
        return Disaster(
            f"{mode} {name}",
            name,
            chance.uniform(0.5, 8.0),
            lambda seconds: self._badly(self.proxies[name], mode, seconds),
        )

    def _badly(self, proxy: Proxy, mode: Mode, seconds: float) -> None:
        if mode is Mode.REFUSE:
            proxy.cut()
        proxy.mode = mode
        time.sleep(seconds)
        proxy.mode = Mode.PASS

    def _freeze(self, chance: random.Random) -> Disaster:
        name = chance.choice(KILLED)
        return Disaster(
            f"SIGSTOP {name}", name, chance.uniform(0.5, 12.0), lambda seconds: self._frozen(name, seconds)
        )

    def _frozen(self, name: str, seconds: float) -> None:
        self.rig.freeze(name)
        try:
            time.sleep(seconds)
        finally:
            self.rig.thaw(name)

    def _lock(self, chance: random.Random) -> Disaster:
        what = "store killed" if self.rig.stack.database else "store locked by a writer that is killed"
        return Disaster(what, "store", chance.uniform(0.5, 6.0), self._locked)

    def _locked(self, seconds: float) -> None:
        self.rig.servers["store"].kill()
        try:
            time.sleep(seconds)
        finally:
            self.rig.servers["store"].start()

    def _full(self, chance: random.Random) -> Disaster:
        disk = chance.choice(self.disks)
        return Disaster(
            f"{disk.name} full",
            str(disk),
            chance.uniform(0.5, 8.0),
            lambda seconds: self._filled(disk, seconds),
        )

    def _filled(self, disk: Path, seconds: float) -> None:
        with full(disk):
            time.sleep(seconds)

    def _power_cut(self, chance: random.Random) -> Disaster:
        return Disaster("RAM disk emptied", "Orthanc", chance.choice((0.0, 2.0)), self._emptied)

    def _emptied(self, seconds: float) -> None:
        self.rig.empty_ram_disk()
        time.sleep(seconds)
        start_again(self.rig, "Orthanc")

    def _clock(self, chance: random.Random) -> Disaster:
        clocks = self.clocks
        assert clocks is not None
        name, jump = chance.choice(clocks.names), chance.choice((-3600, -90, -20, 20, 90, 3600))
        return Disaster(
            f"clock of {name} {jump:+} s",
            f"clock of {name}",
            6.0,
            lambda seconds: self._jumped(clocks, name, jump, seconds),
        )

    def _jumped(self, clocks: Clocks, name: str, jump: int, seconds: float) -> None:
        clocks.jump(name, jump)
        time.sleep(seconds)
        clocks.jump(name, 0)
