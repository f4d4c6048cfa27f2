"""Is there room on the RAM disk for one more pull? (M19)"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pacs_module.domain.messages import PullRequest
from pull_rows import ENDED, PullRows

_CT_BYTES = 600_000
"""A CT slice of 512 x 512 x 2 bytes with its header."""
_DX_BYTES = 32_000_000
"""A radiograph of 4,000 x 4,000 x 2 bytes."""
_UNTOLD_INSTANCES = {True: 4, False: 600}
_MB = 1_000_000


class Room:
    """
    Free bytes against what the running pulls will still bring. Handed-over series count by themselves: their files lie on
    the same disk.

    Args:
        storage: On the disk in question.
        reserve_mb: Never to be touched by a new pull.
        pulls: Their rows.
        received: Images of a study that are here.
    """

    def __init__(self, storage: Path, reserve_mb: int, pulls: PullRows, received: Callable[[str], int]) -> None:
        self._storage = storage
        self._reserve = reserve_mb * _MB
        self._pulls = pulls
        self._received = received

    def lacking_for(self, request: PullRequest) -> str:
        """Why a pull has no room, in words; empty when it has."""
        free, promised, needed = self._free(), self._promised(), bytes_of(request)
        if free - self._reserve - promised >= needed:
            return ""
        return (
            f"no room: {free // _MB} MB free, {self._reserve // _MB} MB kept in reserve, "
            f"{promised // _MB} MB promised to running pulls, {needed // _MB} MB needed"
        )

    def state(self) -> dict[str, int]:
        """For health, in bytes."""
        return {"freeBytes": self._free(), "reserveBytes": self._reserve, "promisedBytes": self._promised()}

    def _free(self) -> int:
        disk = os.statvfs(self._storage)
        return disk.f_bavail * disk.f_frsize

    def _promised(self) -> int:
        running = [pull.request for pull in self._pulls.unreported() if pull.job_state != ENDED]
        return sum(bytes_of(request, self._received(request.study_uid)) for request in running)


def bytes_of(request: PullRequest, received: int = 0) -> int:
    """What a pull will still bring, from the announced counts and the usual size of an image."""
    counts = request.expected_series
    if request.level == "SERIES":
        expected = sum(counts.get(uid, 0) for uid in request.series_uids) or None
    else:
        expected = request.expected or sum(counts.values()) or None
    if expected is None:
        expected = _UNTOLD_INSTANCES[request.dx]
    return max(expected - received, 0) * (_DX_BYTES if request.dx else _CT_BYTES)
