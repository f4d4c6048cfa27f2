"""
Which process is ours, told by /proc and never by a name.

A process is known by pid, start time and boot (proc(5): field 22 of /proc/PID/stat,
/proc/sys/kernel/random/boot_id), because pids are used again. What it starts in its turn is known by a mark
in the environment, which children inherit: RabbitMQ's helpers leave the process group and the session of
their parent, but not their environment.

Standard library only: launcher and guard run this without the venv's packages.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "AIPULL_RUN_MARK"
_PROC = Path("/proc")
_POLL_S = 0.02
_EXECVE_AT_MOST_S = 0.5
_PF_KTHREAD = 0x00200000  # linux/sched.h; the flags are the 9th field of /proc/PID/stat


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
    fields = _stat_fields(pid)
    return None if fields is None else Identity(pid, int(fields[19]), boot_id())


def _stat_fields(pid: int) -> list[str] | None:
    # proc(5), from the third field on: the second, the program's name, may hold blanks and brackets
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if not fields or fields[0] in "ZX" else fields


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
    return _look_for(mark)[0]


def kill_bearers(mark: str, within_s: float = 10.0) -> bool:
    """
    SIGKILL all that bear the mark until none is left, also what they start meanwhile.

    In the middle of execve(2) a process has no environment to be seen. So the end is believed only when
    nobody is in that state, or has been for so long that it must be one that was started without any
    environment.

    Returns:
        Whether none is left.
    """
    blank_since: dict[int, float] = {}

    def none_left() -> bool:
        marked, blank = _look_for(mark)
        for identity in marked:
            send(identity, signal.SIGKILL)
        now = time.monotonic()
        young = [pid for pid in blank if now - blank_since.setdefault(pid, now) < _EXECVE_AT_MOST_S]
        return not marked and not young

    return wait_until(none_left, within_s)


def _environments() -> Iterator[tuple[int, bytes]]:
    """Pid and environment of all other processes whose environment may be read."""
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            yield int(entry.name), (entry / "environ").read_bytes()
        except OSError:  # another user's process, or just gone
            continue


def _look_for(mark: str) -> tuple[list[Identity], list[int]]:
    """Those that bear the mark, and the pids of those that show no environment at all."""
    wanted = f"{MARK}={mark}".encode()
    marked, blank = [], []
    for pid, environment in _environments():
        if any(item.startswith(wanted) for item in environment.split(b"\0")):
            identity = identity_of(pid)
            marked.extend([identity] if identity else [])
        elif not environment and _is_a_programme(pid):
            blank.append(pid)
    return marked, blank


def _is_a_programme(pid: int) -> bool:
    fields = _stat_fields(pid)
    return fields is not None and not int(fields[6]) & _PF_KTHREAD


def wait_until(condition: Callable[[], bool], within_s: float, poll_s: float = _POLL_S) -> bool:
    """Poll a condition until it holds or the time is over; says which."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True
