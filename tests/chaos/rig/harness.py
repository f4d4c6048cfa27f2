"""
A stack to be broken: started once for many cells, its places armed through a folder, its servers killed one
at a time.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from hospital_sim.sending.scu import Pacs
from pacs_module.shared import crash_points
from stack.ports import free_ports
from stack.processes import Process
from stack.servers.pacs_module import PacsModule
from stack.whole import Stack, StackOptions
from tests.chaos.audit.auditor import NO_POISON, Audit, Poison, Sources, Wanted, audit, audit_all
from tests.chaos.audit.region import Platform
from tests.chaos.audit.region import settings as platform_settings
from tests.chaos.rig.proxy import Proxy
from tests.chaos.rig.small_day import Day, small_day

DEADLINE_S = 360.0
"""For one cell; some 15 s are the rule. It is there for a machine that is busy with something else."""
LOOK_S = 0.3
RAM_DISK_BYTES = 256 * 1024**2
SETTINGS: Mapping[str, Any] = {
    "find_interval_s": 1.0,
    "lease_s": 5.0,
    "crossday": -1,
    "MOVE_SYNC": False,
    "pull": {"first_pause_s": 1.0, "longest_pause_s": 5.0, "attempts": 12, "watch_s": 2.0,
             "room_pause_s": 1.0},
    "backend": {
        "first_pause_s": 1.0, "longest_pause_s": 5.0, "attempts": 12, "timeout_s": 10.0,
        "result_timeout_s": 20.0, "retention_s": 3.0,
    },
}  # fmt: skip
"""
As at a site, but with pauses of seconds instead of minutes: what is measured is what the code does, not how
long it waits.
"""
SWITCHES: Mapping[str, Any] = {"STABLE_AGE": 5, "RAM_DISK_RESERVE_MB": 32, "KERNEL_PREFERRED": ["B30f"]}
FIRST, SECOND = "pacs_module", "second pacs_module"
_TO_PACS_MODULE = ("Orthanc to pacs_module", "backend to pacs_module")
_BACKEND = Path(__file__).parents[1] / "programs" / "backend.py"
_RIVAL = Path(__file__).parents[1] / "programs" / "rival_writer.py"


class Server(Protocol):
    """What can be killed and started again."""

    def kill(self) -> None:
        """SIGKILL."""

    def start(self) -> None:
        """Start and wait until it is ready."""


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """A file system without a free byte."""
    file = disk / ".fill"
    with file.open("wb", buffering=0) as fill:
        for size in (1024 * 1024, 4096):
            with suppress(OSError):
                while True:
                    fill.write(bytes(size))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@dataclass
class LockedSqlite:
    """
    SQLite is no server; what can befall it is a writer, a process of its own, that dies in the middle of a
    transaction.
    """

    store: Path
    _process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """Nobody else can write any more; returns when the rival holds SQLite's write lock."""
        self._process = subprocess.Popen(
            [sys.executable, str(_RIVAL), str(self.store)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"holding\n", (
            "the rival writer did not get the store's lock"
        )

    def start(self) -> None:
        """SIGKILL to the rival with its transaction open; harmless when there is none."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@dataclass
class Rig:
    """
    The stack with its faults folder, and all that was wanted of it so far.

    Args:
        folder: Of the run.
        options: Over the usual ones.
        detour: As in StackOptions.
    """

    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    detour: Callable[[str, int], int] = lambda name, port: port
    two: bool = False
    """
    A second pacs_module on the same store and queue, and a front door before both: plugins and backend know
    only that.
    """
    edge: bool = False
    """A destination beside the backend: a platform, and an offline cache."""
    second_environment: Mapping[str, str] = field(default_factory=dict)
    """Over the first one's."""
    wanted: list[Wanted] = field(default_factory=list)
    elsewhere: Callable[[], Mapping[str, frozenset[str]]] = dict
    """What a PACS without a REST API has, for the auditor."""
    poison: Callable[[], Poison] = lambda: NO_POISON

    def __post_init__(self) -> None:
        self.faults = self.folder / "faults"
        self.faults.mkdir(parents=True)
        environment = {crash_points.VARIABLE: str(self.faults)}
        usual = {
            "ram_disk_bytes": RAM_DISK_BYTES,
            "settings": SETTINGS,
            "switches": SWITCHES,
            "backend_script": _BACKEND,
            "detour": self._detour,
        }
        options = {**usual, **self.options}
        for name in ("orthanc_environment", "pacs_module_environment", "backend_environment"):
            options[name] = {**environment, **self.options.get(name, {})}
        port = free_ports(1)[0]
        if self.edge:
            options["settings"] = {**options["settings"], **platform_settings(port, self.folder / "cache")}
        self.stack = Stack(self.folder / "run", StackOptions(**options))
        self.platform = Platform(self.stack.run, port, self.folder / "platform") if self.edge else None
        self.pair = {FIRST: self.stack.ports.pacs_module, **({SECOND: free_ports(1)[0]} if self.two else {})}
        """Ports of the pacs_module."""
        self.door = Proxy(*self.pair.values()) if self.two else None

    def _detour(self, name: str, port: int) -> int:
        return self.detour(
            name, self.door.port if self.door is not None and name in _TO_PACS_MODULE else port
        )

    def __enter__(self) -> Rig:
        try:
            self._start()
        except BaseException:
            self.stack.stop(gracefully=False)
            self._close_door()
            raise
        return self

    def _start(self) -> None:
        self.stack.start()
        stack = self.stack
        self.servers: dict[str, Server] = {
            "Orthanc": stack.receiver,
            FIRST: stack.pacs_module,
            "RabbitMQ": stack.rabbitmq,
            "backend": stack.backend,
            "PACS": stack.hospital,
            "store": stack.database or LockedSqlite(Path(self.store)),
        }
        if self.platform is not None:
            self.platform.start()
            self.servers["platform"] = self.platform
        if self.two:
            first = stack.pacs_module
            links = replace(first.links, environment={**first.links.environment, **self.second_environment})
            second = PacsModule(stack.run, self.pair[SECOND], links, first.overrides, name="pacs-module-2")
            second.start()
            self.servers[SECOND] = second

    def __exit__(self, *error: object) -> None:
        if not self.stack.database:
            self.servers["store"].start()
        if self.platform is not None:
            self.platform.stop()
        self.stack.stop(gracefully=error[0] is None)
        self._close_door()

    def _close_door(self) -> None:
        if self.door is not None:
            self.door.close()

    @property
    def store(self) -> Path | str:
        """The study store: SQLite's file, or the URL of its database."""
        if self.stack.database:
            return self.stack.database.url
        url: str = self.stack.pacs_module.settings()["store"]["url"]
        return Path(url.removeprefix("sqlite:///"))

    # --- studies ---

    def send_day(self, name: str, cts: int = 1) -> Day:
        """Make a day and send it to the PACS."""
        return self.send(small_day(name, self.stack.time_zone, cts))

    def send(self, day: Day) -> Day:
        """Send a day to the PACS; from now on it is wanted."""
        self.wanted += day.wanted
        hospital = self.stack.hospital
        day.send(Pacs("127.0.0.1", hospital.ports.dicom, hospital.aet))
        return day

    def sources(self, with_rabbitmq: bool = False) -> Sources:
        """For the auditor."""
        stack = self.stack
        return Sources(
            pacs=(stack.hospital.url, stack.hospital.user, stack.hospital.password),
            receiver=(stack.receiver.url, stack.receiver.user, stack.receiver.password),
            record=stack.backend.record,
            store=self.store,
            journal=Path(stack.options.orthanc_environment.get("AIPULL_JOURNAL", stack.receiver.journal)),
            handover_folder=stack.receiver.handover_folder,
            rabbitmq_url=stack.rabbitmq.url if with_rabbitmq else "",
            platform=self.platform.shows() if self.platform is not None else None,
            elsewhere=self.elsewhere(),
        )

    def until_settled(self, wanted: Sequence[Wanted], within_s: float = DEADLINE_S) -> Audit:
        """The audit of these studies once they are settled, or the last one before the deadline."""
        others = {study.study_uid for study in self.wanted}
        return self._until(
            lambda: audit(self.sources(), wanted, others, self.poison()),
            lambda found: found.settled,
            within_s,
        )

    def until_clean(self, within_s: float = DEADLINE_S) -> Audit:
        """
        The audit of everything once nothing is left to be done or put away, or the last one before the
        deadline.
        """

        def look() -> Audit:
            return audit_all(self.sources(True), self.wanted, self.poison())

        return self._until(look, lambda found: found.at_rest, within_s)

    def _until(self, look: Callable[[], Audit], good: Callable[[Audit], bool], within_s: float) -> Audit:
        deadline = time.monotonic() + within_s
        while True:
            found = look()
            if good(found) or time.monotonic() > deadline:
                return found
            time.sleep(LOOK_S)

    # --- places ---

    def arm(self, place: str, action: str) -> None:
        """The next process that reaches the place acts."""
        written = self.faults / f".{place}"
        written.write_text(action, encoding="utf-8")
        written.rename(self.faults / place)

    def wait_reached(self, place: str) -> None:
        """Until a process has reached the armed place."""
        self.wait((self.faults / f"{place}.reached").exists, f"{place} was reached")

    def wait_dead(self, process: Process) -> None:
        """Until a server has killed itself."""
        self.wait(lambda: not process.is_alive(), f"{process.programme.name} has killed itself")

    def disarm(self) -> None:
        """No place is armed, nobody waits any more."""
        for file in self.faults.iterdir():
            file.unlink(missing_ok=True)

    def wait(self, condition: Callable[[], bool], what: str, within_s: float = DEADLINE_S) -> None:
        """Until a condition holds; TimeoutError that says what was waited for."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {within_s:g} s and it is not so that {what}")
            time.sleep(0.02)

    # --- breaking ---

    def process(self, name: str) -> Process:
        """The process of a server."""
        if name == "RabbitMQ":
            return self.stack.rabbitmq.server
        process: Process = self.servers[name].process  # type: ignore[attr-defined]
        return process

    def empty_ram_disk(self) -> None:
        """
        The power cut: store, index and hand-over folder of the receiving Orthanc are gone, and Orthanc with
        them.
        """
        self.stack.receiver.kill()
        for path in self.stack.ram_disk.path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def freeze(self, name: str) -> None:
        """SIGSTOP; returns when every thread stands still, which a busy machine may take its time for."""
        self._signal(name, signal.SIGSTOP)
        pid = self.process(name).pid
        if pid is not None:
            self.wait(lambda: _stands_still(pid), f"{name} stands still")

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self._signal(name, signal.SIGCONT)

    def lead_past(self, *names: str) -> None:
        """
        The front door sends nobody to these pacs_module: as a site's proxy does with one that answers its
        question no more.
        """
        assert self.door is not None, "there is one pacs_module, and no door"
        self.door.targets = tuple(port for name, port in self.pair.items() if name not in names)
        self.door.cut()

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self.process(name).pid
        if pid is not None:
            os.kill(pid, number)


def _stands_still(pid: int) -> bool:
    """Whether all threads of a process are stopped, or it is gone (proc(5), the third field of ``stat``)."""
    states = []
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # a thread that has ended meanwhile
            states.append(task.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)
