"""
Machines on one kernel: a network namespace each, joined by a bridge, whose links can be cut.

A machine that is cut off keeps its link and its addresses, as behind a dead switch: what it sends goes
nowhere, and nobody is told. Needs root, and ``ip`` of Debian's iproute2.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_SUBNETS = range(64, 128)
_OFFICE = 254
"""Last number of the address of what is no machine of the three: PACS, backend, whoever looks."""
_NOBODY = "02:00:00:00:00:99"
"""A hardware address that no interface has."""


def can_be_made() -> bool:
    """Whether this user may make namespaces here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"aip{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        _ip("netns", "del", name)
    return made


class Machine:
    """
    One namespace.

    Args:
        network: It is plugged in there.
        number: From 1; the last number of its address.
    """

    def __init__(self, network: Network, number: int) -> None:
        self.network = network
        self.number = number
        self.name = f"{network.name}-{number}"
        self.plug = f"{network.name}v{number}"
        self.address = network.address(number)

    @property
    def within(self) -> tuple[str, ...]:
        """
        Words before a command that is to run on this machine, under its name: a process that says that one of
        another name is dead knows nothing of pids here.
        """
        renamed = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return ("ip", "netns", "exec", self.name, *renamed)

    def open(self) -> None:
        """Make it and plug it in."""
        _ip("netns", "add", self.name)
        _ip("link", "add", self.plug, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            _ip("-n", self.name, "link", "set", interface, "up")
        _ip("link", "set", self.plug, "up")
        self.plug_in()

    def close(self) -> None:
        """End what runs on it, and take it away with its plug."""
        self.signal(signal.SIGKILL)
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.name)

    def cut_off(self) -> None:
        """Pull the plug: no packet gets in or out any more."""
        _ip("link", "set", self.plug, "nomaster")

    def plug_in(self) -> None:
        """Undo ``cut_off``."""
        _ip("link", "set", self.plug, "master", self.network.bridge)

    def lose(self, others: Sequence[Machine]) -> None:
        """From now on nothing that it sends gets to these."""
        for other in others:
            nowhere = ("lladdr", _NOBODY, "dev", "eth0", "nud", "permanent")
            _ip("-n", self.name, "neigh", "replace", other.address, *nowhere)

    def find(self, others: Sequence[Machine]) -> None:
        """Undo ``lose``."""
        for other in others:
            _ip("-n", self.name, "neigh", "del", other.address, "dev", "eth0")

    def signal(self, number: signal.Signals) -> None:
        """To every process on it."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def pids(self) -> list[int]:
        """Of all that runs on it."""
        told = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        return [int(pid) for pid in told.stdout.split()]


class Network:
    """
    A bridge and its machines; a context manager that leaves nothing of them.

    Args:
        machines: How many.
    """

    def __init__(self, machines: int = 3) -> None:
        self.name = f"aip{os.getpid()}"
        self.bridge = f"{self.name}b"
        self.subnet = _free_subnet()
        self.office = self.address(_OFFICE)
        self.machines = tuple(Machine(self, number) for number in range(1, machines + 1))

    def address(self, number: int) -> str:
        """Of a machine, or of the office."""
        return f"10.77.{self.subnet}.{number}"

    def __enter__(self) -> Network:
        _clear_the_dead()
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self.office}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        for machine in self.machines:
            machine.open()

    def __exit__(self, *error: object) -> None:
        for machine in self.machines:
            machine.close()
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", self.bridge)

    @contextmanager
    def split(self, *sides: Sequence[Machine]) -> Iterator[None]:
        """Machines of different sides do not reach each other; all of them reach the office."""
        pairs = [(one, _not_on(side, sides)) for side in sides for one in side]
        for machine, lost in pairs:
            machine.lose(lost)
        try:
            yield
        finally:
            for machine, lost in pairs:
                machine.find(lost)


def _not_on(side: Sequence[Machine], sides: Sequence[Sequence[Machine]]) -> list[Machine]:
    return [machine for other in sides if other is not side for machine in other]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=True)


def _free_subnet() -> int:
    """One that no interface here has, another one for tests side by side."""
    used = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    free = [number for number in _SUBNETS if f"10.77.{number}." not in used]
    return free[os.getpid() % len(free)]


def _clear_the_dead() -> None:
    """Namespaces and bridges of test runs that were killed."""
    told = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for name in (line.split()[0] for line in told.splitlines() if line.startswith("aip")):
        if not Path("/proc", name.partition("-")[0].removeprefix("aip")).exists():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    for link in Path("/sys/class/net").glob("aip*b"):
        if not Path("/proc", link.name[3:-1]).exists():
            subprocess.run(["ip", "link", "del", link.name], capture_output=True, check=False)
