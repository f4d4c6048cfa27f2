"""
What a sender may put on the RAM disk without being asked (K8).

A pull has room reserved for it before it begins; a push has not. One that never ends would fill the disk for
everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ram_disk import MB, Disk

MAX_SHARE = 0.5
"""Of what pulls may fill: the largest push that is kept."""
MAX_SECONDS = 4 * 3600
"""A study that is still arriving after that is told."""


@dataclass(frozen=True)
class PushVerdict:
    """``over``: told; ``drop``: its images go; ``why`` in words, empty when it is within the budget."""

    over: bool
    drop: bool = False
    why: str = ""


def judge_push(size: int, seconds: float, disk: Disk, full: bool) -> PushVerdict:
    """
    Judge a study that arrives unasked.

    Args:
        size: Bytes of it on the disk.
        seconds: Since its first image.
        disk: As it is now.
        full: Whether the disk is called full.
    """
    largest = int(disk.usable * MAX_SHARE)
    if size > largest:
        return PushVerdict(True, True, f"{size // MB} MB were pushed, a push may bring {largest // MB} MB")
    if seconds > MAX_SECONDS:
        words = f"it has been arriving for {seconds / 3600:.1f} h, a push may take {MAX_SECONDS // 3600} h"
        return PushVerdict(True, full, words)
    return PushVerdict(False)
