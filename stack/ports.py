"""Ports on loopback: free ones, and who holds one that is not free."""

import contextlib
import os
import random
import re
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError

LOOPBACK = "127.0.0.1"
# Below Linux's range for outgoing connections (ip_local_port_range, 32768 up), or a client could take it in
# between; above the usual ports of a stack (stack.whole).
_RANGE = range(20000, 32000)
_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp
# Several processes that look for free ports at once (the workers of a test run) would find the same ones:
# each has its share.
_SHARE = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % 8
_given: set[int] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port."""

    pid: int
    program: str


def free_ports(number: int) -> list[int]:
    """Free ports, none of them given twice by this process."""
    with _lock:
        share = _RANGE[_SHARE::8]
        candidates = random.sample(share, len(share))
        found: list[int] = []
        for port in candidates:
            if len(found) == number:
                break
            if port not in _given and is_free(port):
                found.append(port)
        _given.update(found)
    if len(found) < number:
        raise StackError(f"no {number} free ports between {_RANGE.start} and {_RANGE.stop}")
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen on the port, on all interfaces as Orthanc does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # what only waits (TIME_WAIT) does not count
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def check_free(ports: Mapping[str, int]) -> None:
    """Raise StackError naming every port in use, what it was meant for and who holds it."""
    taken = [_describe(purpose, port) for purpose, port in ports.items() if not is_free(port)]
    if taken:
        raise StackError("; ".join(taken))


def holder_of(port: int) -> Holder | None:
    """Who listens on the port, as far as /proc shows it to us."""
    inodes = _listening_inodes(port)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and inodes & _socket_inodes(entry):
            with contextlib.suppress(OSError):
                return Holder(
                    int(entry.name), (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
                )
    return None


def _describe(purpose: str, port: int) -> str:
    holder = holder_of(port)
    by = f"{holder.program}, pid {holder.pid}" if holder else "a process of another user"
    return f"port {port} ({purpose}) is in use by {by}"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = (
                    line.split()
                )  # proc(5): local_address is HEX:PORT, st is the 4th field, inode the 10th
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes


def _socket_inodes(process: Path) -> set[str]:
    inodes = set()
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = os.readlink(descriptor)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes
