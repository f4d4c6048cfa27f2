"""
Is there room on the RAM disk for one more pull? (M19)

Free bytes against what the running pulls will still bring; handed-over series count by themselves, because
their files lie on the same disk.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pacs_module.domain.errors import PipelineError
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.pull.move_state import UNDER_WAY
from pacs_module.domain.pull.ram_disk import (
    MB,
    Disk,
    Here,
    RoomVerdict,
    Wish,
    expected_instances,
    judge_room,
    still_to_come,
    usual_size,
)
from pacs_module.domain.receive.reception_state import HERE, TO_DELETE
from pacs_module.domain.rules.switches import Switches

from ..journal.device_sizes import SizeRows
from ..journal.handovers import HandoverRows
from ..journal.pulls import PullRows
from ..journal.receptions import ReceptionRows
from ..server.orthanc_client import OrthancClient

FORGET_S = 120.0
"""A pull that has no room is asked for again every few seconds; one that is not any more keeps no room."""


class Sizes:
    """
    How many bytes a pull will still bring.

    Args:
        rest: Orthanc, for what is here of a study.
        receptions: Where in Orthanc it is.
        sizes: What devices sent before.
        switches: Which modalities are radiography.
    """

    def __init__(
        self, rest: OrthancClient, receptions: ReceptionRows, sizes: SizeRows, switches: Switches
    ) -> None:
        self._rest = rest
        self._receptions = receptions
        self._sizes = sizes
        self._switches = switches

    def still_to_come(self, request: PullRequest) -> tuple[int, bool, int]:
        """Bytes, whether they are more than a guess, and the bytes that are here from before."""
        modalities = self._switches.dx_modalities if request.dx else self._switches.ct_modalities
        each, sure = usual_size(self._sizes.all(), request.dx, modalities)
        here = self._here(request)
        return (*still_to_come(expected_instances(request), here, each, sure, request.dx), here.size)

    def _here(self, request: PullRequest) -> Here:
        """What is here of that which is pulled."""
        reception = self._receptions.of_study(request.study_uid, *HERE)
        found = [
            self._part_here(orthanc_id, request)
            for orthanc_id in (reception.orthanc_ids if reception else ())
        ]
        return Here(sum(part.instances for part in found), sum(part.size for part in found))

    def _part_here(self, orthanc_id: str, request: PullRequest) -> Here:
        try:
            instances, size = self._rest.statistics(f"studies/{orthanc_id}")
            if request.level == "STUDY" or not instances:
                return Here(instances, size)
            some = self._images_of(orthanc_id, request.series_uids)
            return Here(some, size * some // instances)
        except PipelineError:  # gone in this moment
            return Here()

    def _images_of(self, orthanc_id: str, series_uids: Collection[str]) -> int:
        """How many images of these series are here."""
        series = self._rest.series_of(orthanc_id)
        return sum(len(one.instances) for one in series if one.series_uid in series_uids)


class Admission:
    """
    Keeps the promises: what runs, and in which order the others wait.

    Args:
        storage: On the disk in question.
        reserve_mb: Never to be touched by a new pull.
        pulls: Their rows.
        sizes: What a pull will bring.
        handovers: Their rows, for copies that are owed.
        receptions: Their rows, for what lies on the disk.
        index: Orthanc's database.
        copies: Where pacs_module puts copies of hand-overs without names, None when that is not on this disk.
    """

    def __init__(
        self,
        storage: Path,
        reserve_mb: int,
        pulls: PullRows,
        sizes: Sizes,
        handovers: HandoverRows,
        receptions: ReceptionRows,
        index: Path,
        copies: Path | None = None,
    ) -> None:
        self._storage = storage
        self._reserve = reserve_mb * MB
        self._pulls = pulls
        self._sizes = sizes
        self._handovers = handovers
        self._receptions = receptions
        self._index = index
        self._copies = copies
        self._waiting: dict[str, tuple[Wish, float]] = {}
        self.lock = threading.RLock()
        """
        Held from the question until the pull is journaled: two that ask at once must not get the same bytes.
        """

    def ask_for(self, request: PullRequest) -> RoomVerdict:
        """Whether a pull may begin; one that may not keeps its place in the order."""
        with self.lock:
            wish = self._wish(request)
            verdict = self._judged(wish)
            if verdict.fits or verdict.never:
                self._waiting.pop(request.study_uid, None)
            else:
                self._waiting[request.study_uid] = (wish, time.monotonic())
            return verdict

    def _judged(self, wish: Wish) -> RoomVerdict:
        promised = self._promised()
        idle = promised == 0 and self._is_alone(wish.study_uid)
        return judge_room(wish, self.disk(), promised, [other for other, _ in self._waiting.values()], idle)

    def waiting(self) -> tuple[Wish, ...]:
        """Pulls that had no room, in their order."""
        with self.lock:
            self._forget()
            return tuple(
                sorted(
                    (wish for wish, _ in self._waiting.values()), key=lambda one: (-one.priority, one.since)
                )
            )

    def disk(self) -> Disk:
        """As it is now."""
        disk = os.statvfs(self._storage)
        total, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
        return Disk(total, free, self._reserve, self._index_size())

    def _index_size(self) -> int:
        """Bytes of the index and its write-ahead log; 0 where they lie on another disk."""
        size = 0
        for path in (self._index.with_name(self._index.name + end) for end in ("", "-wal", "-shm")):
            try:
                if path.stat().st_dev == self._storage.stat().st_dev:
                    size += path.stat().st_size
            except OSError:  # not there, or gone in this moment
                continue
        return size

    def _is_alone(self, study_uid: str) -> bool:
        """Whether nothing of any other study lies on the disk."""
        return not self._handovers.given() and not self._receptions.others_than(study_uid, *HERE, *TO_DELETE)

    def state(self) -> dict[str, int]:
        """For health, in bytes."""
        disk, given = self.disk(), self._handovers.given()
        return {
            "totalBytes": disk.total,
            "freeBytes": disk.free,
            "reserveBytes": self._reserve,
            "promisedBytes": self._promised(),
            "handoverBytes": sum(row.size for row in given),
            "pullsWaiting": len(self.waiting()),
            "pullsRunning": len(self._running()),
        }

    def _wish(self, request: PullRequest) -> Wish:
        self._forget()
        needed, sure, here = self._sizes.still_to_come(request)
        known = self._waiting.get(request.study_uid)
        since = known[0].since if known else time.monotonic()
        wish = Wish(request.study_uid, request.priority, since, needed, sure, here)
        return replace(wish, needed=2 * needed) if self._copies else wish

    def _forget(self) -> None:
        now = time.monotonic()
        self._waiting = {uid: entry for uid, entry in self._waiting.items() if now - entry[1] < FORGET_S}

    def _running(self) -> list[PullRequest]:
        return [pull.request for pull in self._pulls.unreported() if pull.job_state in UNDER_WAY]

    def _promised(self) -> int:
        will_come = sum(self._sizes.still_to_come(request)[0] for request in self._running())
        return will_come + self._copies_owed(will_come)

    def _copies_owed(self, will_come: int) -> int:
        if self._copies is None:
            return 0
        owed = [row.size for row in self._handovers.given() if not (self._copies / row.handover_id).is_dir()]
        return will_come + sum(owed)
