"""
How the process before this one ended, where somebody tells (K8).

A process that is killed can write nothing. Whoever started it knows the exit status: docker/orthanc/start.sh
and the stack of demo and tests write it beside the journal. That the machine was started anew, and that the
kernel killed for want of memory, is told by the kernel.
"""

from __future__ import annotations

from pathlib import Path

from pacs_module.domain.pull.crash_blame import Ending, judge_ending

from ..journal.journal import Journal

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_VMSTAT = Path("/proc/vmstat")
_OOM_KILLS = "oom_kill "
_META_BOOT, _META_OOM = "boot_id", "oom_kills"


def exit_file(journal: Path) -> Path:
    """
    Where the exit status of the last process stands: a decimal number as a shell has it (139: signal 11).
    """
    return journal.with_name(f"{journal.name}.exit")


def last_ending(journal: Journal, boot_id: Path = _BOOT_ID, vmstat: Path = _VMSTAT) -> Ending:
    """
    Say how the former process ended, and note what this one's end is compared with. To be called once a
    process.

    Args:
        journal: Remembers boot and memory kills of the former process.
        boot_id: The kernel's name of this boot.
        vmstat: The kernel's counters, ``oom_kill`` among them.
    """
    boot, kills = _read(boot_id), _oom_kills(vmstat)
    same_boot = journal.meta(_META_BOOT, boot) == boot
    memory = same_boot and journal.meta(_META_OOM, kills) != kills
    journal.set_meta(_META_BOOT, boot)
    journal.set_meta(_META_OOM, kills)
    file = exit_file(journal.path)
    status = _read(file)
    file.unlink(missing_ok=True)  # it holds for one end
    return judge_ending(int(status) if status.isdecimal() else None, same_boot, memory)


def _oom_kills(vmstat: Path) -> str:
    lines = (line for line in _read(vmstat).splitlines() if line.startswith(_OOM_KILLS))
    return next(lines, "").removeprefix(_OOM_KILLS)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
