"""What a run of the benchmarks ran on, and what else ran beside it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MOST = 4
_WORTH_S = 1.0
"""CPU seconds from which on another process is named."""


def described() -> dict[str, str]:
    """The machine in words, for the head of the table."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "orthanc": _first_line("Orthanc", "--version"),
        "commit": _first_line("git", "describe", "--always", "--dirty"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "not at hand"
    return (done.stdout.splitlines() or ["not at hand"])[0]


def cpu_by_process() -> dict[int, tuple[str, float]]:
    """Name and CPU seconds of every process that is not ours: neither this one, nor below it."""
    found: dict[int, tuple[str, float]] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            head, _, rest = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:
            continue  # it has ended
        fields = rest.split()
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        found[pid] = (head.partition("(")[2], (int(fields[11]) + int(fields[12])) / _TICKS)
    ours = _below(os.getpid(), parents)
    return {pid: told for pid, told in found.items() if pid not in ours}


def _below(root: int, parents: Mapping[int, int]) -> set[int]:
    """This process, all that it started, and those that started it."""
    ours = {root}
    above = parents.get(root, 0)
    while above > 1:
        ours.add(above)
        above = parents.get(above, 0)
    known = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in known} - known
        if not more:
            return ours | known
        known |= more


def others(before: Mapping[int, tuple[str, float]]) -> list[str]:
    """The processes that took most CPU time since then, in words."""
    used = []
    for pid, (name, seconds) in cpu_by_process().items():
        spent = seconds - before.get(pid, (name, 0.0))[1]
        if spent >= _WORTH_S:
            used.append((spent, name))
    return [f"{name} {spent:.0f} s" for spent, name in sorted(used, reverse=True)[:_MOST]]
