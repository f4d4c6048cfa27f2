"""
The RAM disk of a run: a tmpfs of its own where root may mount one, else a folder on a tmpfs that is there.

Whatever is made is noted in the run folder, so that the guard or ``make stop`` can give the memory back.
Standard library only, see stack.identity.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.run_files import write_private

GIB = 1024**3
# the tmpfs that every Linux has; the folder made in it is private
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_NOTE = "ram-disk.json"


@dataclass(frozen=True)
class RamDisk:
    """A folder on a tmpfs, for this run only."""

    path: Path
    mounted: bool
    """Whether the tmpfs is our own, with a hard size."""


def make_ram_disk(run_folder: Path, wanted: Path | None, needed_bytes: int) -> RamDisk:
    """
    Make the RAM disk of a run, or say in one line why not.

    Args:
        run_folder: Notes it; a mount of our own lies in it.
        wanted: A folder on a tmpfs, or None for a mount of our own (as root) or a folder on the machine's
            shared memory.
        needed_bytes: What the run will hold at most; also the size of a mount of our own.
    """
    _check_memory(needed_bytes)
    disk = None if wanted else _mount(run_folder / "ram", needed_bytes)
    if disk is None:
        disk = RamDisk(_folder_on(wanted or _SHARED_MEMORY, needed_bytes), mounted=False)
    write_private(run_folder / _NOTE, json.dumps({"path": str(disk.path), "mounted": disk.mounted}))
    return disk


def remove_noted(run_folder: Path) -> None:
    """Give back the RAM disk that the run folder has noted, if any; also when files in it are still open."""
    note = run_folder / _NOTE
    if not note.exists():
        return
    noted = json.loads(note.read_text(encoding="utf-8"))
    path = Path(noted["path"])
    if noted["mounted"] and os.path.ismount(path) and not _unmount(path):
        _unmount(path, "--lazy")
    shutil.rmtree(path, ignore_errors=True)
    note.unlink(missing_ok=True)


def _unmount(path: Path, *options: str) -> bool:
    done = subprocess.run(["umount", *options, str(path)], capture_output=True, check=False)
    return done.returncode == 0


def filesystem_of(path: Path) -> str:
    """
    The type of the file system that holds an existing path, from /proc/self/mounts (the longest mount point
    wins).
    """
    real = path.resolve()
    best, kind = -1, "unknown"
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, mount_point, this_kind, *_ = line.split(" ")
        point = Path(mount_point.replace("\\040", " "))
        # Of two mounts on one point the later one is on top.
        if real.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), this_kind
    return kind


def _check_memory(needed_bytes: int) -> None:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024  # "kB" there means KiB
            if available < needed_bytes:
                raise StackError(
                    f"too small a RAM disk: {_gib(needed_bytes)} needed, the machine has "
                    f"{_gib(available)} of memory left"
                )


def _mount(point: Path, size: int) -> RamDisk | None:
    if os.geteuid() != 0:
        return None
    point.mkdir(mode=0o700, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,nosuid,nodev", "aipull", str(point)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return RamDisk(point, mounted=True)
    point.rmdir()  # root in a container without the right to mount
    return None


def _folder_on(parent: Path, needed_bytes: int) -> Path:
    if not parent.is_dir():
        raise StackError(f"RAM disk {parent}: there is no such folder")
    kind = filesystem_of(parent)
    if kind != "tmpfs":
        raise StackError(
            f"RAM disk {parent}: this is {kind}, not a tmpfs; name a folder on a tmpfs, such as "
            f"{_SHARED_MEMORY}"
        )
    free = shutil.disk_usage(parent).free
    if free < needed_bytes:
        raise StackError(f"too small a RAM disk: {_gib(needed_bytes)} needed, {_gib(free)} free on {parent}")
    try:
        return Path(tempfile.mkdtemp(prefix="aipull-", dir=parent))
    except OSError as error:
        raise StackError(f"RAM disk {parent}: no folder can be made in it: {error.strerror}") from error


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
