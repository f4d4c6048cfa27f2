"""
Which process is ours, told by /proc and never by a name.

A process is known by pid, start time and boot (proc(5): field 22 of /proc/PID/stat, /proc/sys/kernel/random/boot_id),
because pids are used again. What it starts in its turn is known by a mark in the environment, which children inherit:
RabbitMQ's helpers leave the process group and the session of their parent, but not their environment.

Standard library only: launcher and guard run this without the venv's packages.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MARK = "AIPULL_RUN_MARK"
_PROC = Path("/proc")
_POLL_S = 0.02


@dataclass(frozen=True)
class Identity:
    """One process, for as long as it lives."""

    pid: int
    started: int
    """In clock ticks since boot."""
    boot: str

    def as_line(self) -> str:
        """As a pid file holds it."""
        return f"{self.pid} {self.started} {self.boot}\n"

    @classmethod
    def from_line(cls, line: str) -> "Identity":
        """Read what ``as_line`` wrote."""
        pid, started, boot = line.split()
        return cls(int(pid), int(started), boot)


def boot_id() -> str:
    """This boot of the machine."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def identity_of(pid: int) -> Identity | None:
    """The process that has this pid now; None when there is none, or only its zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the program's name may hold spaces and brackets
    state, started = fields[0], int(fields[19])
    return None if state in "ZX" else Identity(pid, started, boot_id())


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs."""
    return identity_of(identity.pid) == identity


def send(identity: Identity, number: signal.Signals) -> None:
    """Signal this very process; nothing happens when it is gone."""
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, number)


def bearers(mark: str) -> list[Identity]:
    """Every living process whose environment bears the mark, whoever its parent is by now."""
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _environment_holds(entry, mark):
            identity = identity_of(int(entry.name))
            if identity is not None:
                found.append(identity)
    return found


def _environment_holds(entry: Path, mark: str) -> bool:
    try:
        environment = (entry / "environ").read_bytes()
    except OSError:  # another user's process, or just gone
        return False
    return any(item.startswith(f"{MARK}={mark}".encode()) for item in environment.split(b"\0"))


def kill_bearers(mark: str, within_s: float = 10.0) -> bool:
    """
    SIGKILL all that bear the mark until none is left, also what they start meanwhile.

    Returns:
        Whether none is left.
    """

    def none_left() -> bool:
        left = bearers(mark)
        for identity in left:
            send(identity, signal.SIGKILL)
        return not left

    return wait_until(none_left, within_s)


def wait_until(condition: Callable[[], bool], within_s: float, poll_s: float = _POLL_S) -> bool:
    """Poll a condition until it holds or the time is over; says which."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True
