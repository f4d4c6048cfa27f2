"""
How the process before this one ended, where somebody tells (K8).

A process that is killed can write nothing. Whoever started it knows the exit status: docker/orthanc/start.sh
and the stack of demo and tests write it beside the journal. That the machine was started anew, and that the
kernel killed for want of memory, is told by the kernel.

The file is never removed nor cut to nothing, and statuses are appended to it: its block on the disk stays,
so that a death on a full disk is told as well. The first one since it was cleared is that of the process that
lived; further ones are of processes that could not start, because the disk was full.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from pacs_module.domain.pull.crash_blame import Ending, judge_ending

from ..journal.journal import Journal

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_VMSTAT = Path("/proc/vmstat")
_OOM_KILLS = "oom_kill "
_STATUS = re.compile(r"\d{1,3}", re.ASCII)
_META_BOOT, _META_OOM = "boot_id", "oom_kills"
_CLEARED = b"\n"


def exit_file(journal: Path) -> Path:
    """
    Where the exit statuses stand, one a line: a decimal number as a shell has it (139: signal 11).
    """
    return journal.with_name(f"{journal.name}.exit")


class PreviousExit:
    """
    How the former process ended, and what this one's end will be compared with.

    Args:
        journal: Remembers boot and memory kills of the former process.
        boot_id: The kernel's name of this boot.
        vmstat: The kernel's counters, ``oom_kill`` among them.
    """

    def __init__(self, journal: Journal, boot_id: Path = _BOOT_ID, vmstat: Path = _VMSTAT) -> None:
        self._journal = journal
        self._file = exit_file(journal.path)
        self._boot_id, self._vmstat = boot_id, vmstat

    def read(self) -> Ending:
        """Say how the former process ended; the same until :meth:`begin`."""
        boot, kills = _read(self._boot_id), _oom_kills(self._vmstat)
        same_boot = self._journal.meta(_META_BOOT, boot) == boot
        memory = same_boot and self._journal.meta(_META_OOM, kills) != kills
        return judge_ending(_first_status(_read(self._file)), same_boot, memory)

    def begin(self) -> None:
        """This process lives, and the end of the former one is dealt with."""
        self._journal.set_meta(_META_BOOT, _read(self._boot_id))
        self._journal.set_meta(_META_OOM, _oom_kills(self._vmstat))
        with suppress(OSError):  # the old status is taken for the next one, at the most
            _clear(self._file)


def _first_status(text: str) -> int | None:
    return next((int(line) for line in text.splitlines() if _STATUS.fullmatch(line)), None)


def _clear(file: Path) -> None:
    """One byte stays in it, and with it its block."""
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(opened, _CLEARED, 0)
        os.ftruncate(opened, len(_CLEARED))
    finally:
        os.close(opened)


def _oom_kills(vmstat: Path) -> str:
    lines = (line for line in _read(vmstat).splitlines() if line.startswith(_OOM_KILLS))
    return next(lines, "").removeprefix(_OOM_KILLS)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
