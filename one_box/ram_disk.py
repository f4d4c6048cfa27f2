"""Whether the RAM disk is mounted, and as large as the settings say: Orthanc's memory limit is made from them."""

from __future__ import annotations

import os
from pathlib import Path

from site_check.finding import Finding, error
from site_check.values import size_of

_PAGES = 64 * 1024
"""Bytes; a tmpfs has whole pages of the processor."""
_MOUNT = "var-lib-aipull-ram.mount"


def check_ram_disk(mount_point: Path, said: str) -> list[Finding]:
    """
    What stands against a start of Orthanc.

    Args:
        mount_point: Of the tmpfs.
        said: RAM_DISK_SIZE; one that cannot be used is told elsewhere.
    """
    if not mount_point.is_mount():
        return [error("RAM disk", str(mount_point), f"nothing is mounted there: systemctl start {_MOUNT}")]
    wanted = size_of(said)
    facts = os.statvfs(mount_point)
    there = facts.f_blocks * facts.f_frsize
    if wanted is None or abs(there - wanted) < _PAGES:
        return []
    words = (
        f"mounted with {there // 1024**2} MiB, and RAM_DISK_SIZE is {said}: what is on it does not fit, or "
        f"`systemctl daemon-reload` is missing; systemctl stop aipull-pacs aipull-orthanc {_MOUNT} empties it"
    )
    return [error("RAM disk", str(mount_point), words)]
