"""Clock and processes of this machine."""

from __future__ import annotations

import os
import socket
import time
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

_PROC = Path("/proc")
_STATE, _STARTED = 0, 19
"""Fields of /proc/PID/stat, counted from the one after the program's name (proc(5))."""
_DEAD = ("Z", "X")
_UNKNOWN = "0"


class SystemClock:
    """The machine's clock, with the hospital's idea of today."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def today(self) -> date:
        """The date in the hospital's time zone."""
        return self.local().date()

    def local(self) -> datetime:
        """
        Date and time in the hospital's time zone, without saying so: StudyDate and StudyTime do not either.
        """
        return datetime.now(self._zone).replace(tzinfo=None)

    def steady(self) -> int:
        """Milliseconds since this machine was started, its sleep included."""
        return time.clock_gettime_ns(_STEADY) // 1_000_000


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def this_process() -> str:
    """
    The owner of claims and leases: ``host:pid:started:place``, different for every process that ever was.

    ``started`` in clock ticks since boot; ``place``: this boot of the machine and the PID namespace in which
    the pid means something (two containers may have the same host name). Each ``0`` where there is no /proc
    to tell.
    """
    fields = _stat_of(os.getpid())
    return f"{socket.gethostname()}:{os.getpid()}:{fields[_STARTED] if fields else _UNKNOWN}:{_place()}"


def process_is_gone(owner: str) -> bool:
    """
    Whether an owner was a process of this very place that lives no more; of another place's nothing can be
    told.
    """
    host, pid, started, place = ([""] * 4 + owner.rsplit(":", 3))[-4:]
    here = (socket.gethostname(), _place())
    if (host, place) != here or _UNKNOWN in (started, place) or not pid.isdigit():
        return False
    return not _has_process(int(pid)) or _is_another(int(pid), started)


def _is_another(pid: int, started: str) -> bool:
    """Whether a process began at another time, or is only waited for."""
    fields = _stat_of(pid)
    return fields is not None and (fields[_STARTED] != started or fields[_STATE] in _DEAD)


def _has_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # of another user
    return True


def _place() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot[:8]}-{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return _UNKNOWN


def _stat_of(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
