"""What was refused lies in a folder for people to look at: for some days, and up to a size."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MOST_BYTES = 2**30
"""More than that is not kept, the oldest go first: a sender that sends nonsense must not fill the disk."""


def trim(folder: Path, keep_s: float, now: float, most_bytes: int = MOST_BYTES) -> int:
    """
    Remove what is too old, or too much; how many files.

    Args:
        folder: It may be absent.
        keep_s: Seconds that a file is kept, by its time.
        now: Seconds since the epoch.
        most_bytes: Of all files together.
    """
    there = sorted(_files(folder))
    left = sum(size for _, size, _ in there)
    removed = 0
    for at, size, file in there:
        if now - at <= keep_s and left <= most_bytes:
            break
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
        left, removed = left - size, removed + 1
    _remove_empty(folder)
    return removed


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            file = Path(root, name)
            with contextlib.suppress(FileNotFoundError):
                told = file.lstat()
                found.append((told.st_ctime, told.st_size, file))  # when it was moved here
    return found


def _remove_empty(folder: Path) -> None:
    for root, _, _ in os.walk(folder, topdown=False):
        if Path(root) != folder:
            with contextlib.suppress(OSError):
                Path(root).rmdir()
