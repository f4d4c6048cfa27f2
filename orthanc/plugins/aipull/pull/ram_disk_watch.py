"""
Watches the RAM disk: says when it is full, makes room where nothing else would, and keeps pushes to their
budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pacs_module.domain.errors import PipelineError
from pacs_module.domain.pull.move_state import UNDER_WAY
from pacs_module.domain.pull.push_budget import PushVerdict, judge_push
from pacs_module.domain.pull.ram_disk import MB, deadlocked, is_full
from pacs_module.domain.receive.reception_state import TO_DELETE, ReceptionState
from pacs_module.shared.logs import ContractLog

from ..journal.receptions import Reception
from ..journal.tables import Tables
from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from ..server.orthanc_client import OrthancClient
from .admission import Admission

_LOOK_S = 2.0
_PUSHES_S = 10.0


class RamDiskWatch(Worker):
    """
    Looks every two seconds; a question to the file system costs nothing.

    Args:
        room: The disk, and the pulls that wait for it.
        tables: The journal.
        rest: Orthanc, for the images of a half-received study.
        alarm_percent: Filled so far, the disk is called full.
        log: For the alarm and its end.
        on_deleting: Called when images are to be deleted.
    """

    def __init__(
        self, room: Admission, tables: Tables, rest: OrthancClient, alarm_percent: int, log: ContractLog,
        on_deleting: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__("RAM disk", log)
        self._room = room
        self._tables = tables
        self._rest = rest
        self._percent = alarm_percent
        self._full = False
        self._on_deleting = on_deleting
        self._locked_before: str | None = None
        self._next_pushes = 0.0
        self._over: set[int] = set()
        """Receptions that were told."""

    def is_full(self) -> bool:
        """Whether the alarm is on."""
        return self._full

    def step(self) -> float:
        """Check the disk once, and pushes every ten seconds."""
        self._alarm()
        self._make_room()
        if time.monotonic() >= self._next_pushes:
            self._next_pushes = time.monotonic() + _PUSHES_S
            self._look_at_pushes()
        return _LOOK_S

    def _alarm(self) -> None:
        full = is_full(self._room.disk(), self._percent, self._full)
        if full != self._full:
            self._full = full
            key, level = ("ram_disk_full", "WARNING") if full else ("ram_disk_has_room", "INFO")
            words = "the RAM disk is full" if full else "the RAM disk is emptier again"
            self._log.event(key, words, level, markPercent=self._percent, **self._room.state())

    def _make_room(self) -> None:
        """Twice in a row: between a report and the next pull nothing runs for a moment."""
        locked = self._deadlocked()
        if locked is not None and locked == self._locked_before:
            self.drop(locked)
            locked = None
        self._locked_before = locked

    def _deadlocked(self) -> str | None:
        waiting = self._room.waiting()
        if not waiting:
            return None
        receptions = self._tables.receptions
        short = [row.study_uid for row in receptions.in_state(ReceptionState.SHORT)]
        deleting, given = len(receptions.in_state(*TO_DELETE)), len(self._tables.handovers.given())
        return deadlocked(waiting, self._running(), deleting, given, short)

    def _running(self) -> int:
        """Pulls that still move, or whose images are not judged."""
        unreported = self._tables.pulls.unreported()
        return sum(pull.job_state in UNDER_WAY or pull.conclusion is None for pull in unreported)

    def drop(self, study_uid: str) -> None:
        """Remove what is here of a half-received study that nobody pulls now."""
        reception = self._tables.receptions.of_study(study_uid, ReceptionState.SHORT)
        if reception is None:
            return
        images = self._images(reception)
        with self._tables.journal.transaction():
            if self._tables.pulls.unreported(study_uid):
                return  # asked for in this moment
            self._tables.receptions.delete(reception, images, now_ms())
        self._tell_removed(study_uid, len(images))
        self._on_deleting()

    def _tell_removed(self, study_uid: str, images: int) -> None:
        words = "half-received images removed to make room; the study's next pull brings them again"
        free_mb = self._room.disk().free // MB
        told = {"studyUID": study_uid, "images": images, "free_mb": free_mb}
        self._log.event("images_removed_for_room", words, level="WARNING", **told)

    def _look_at_pushes(self) -> None:
        for reception in self._tables.receptions.in_state(ReceptionState.OPEN):
            if reception.is_push and not self._tables.pulls.unreported(reception.study_uid):
                try:
                    self._look_at_push(reception)
                except PipelineError:  # gone in this moment, or Orthanc is busy: looked at again
                    continue

    def _look_at_push(self, reception: Reception) -> None:
        verdict = self._verdict(reception)
        if not verdict.over or (reception.number in self._over and not verdict.drop):
            return
        self._over.add(reception.number)
        images = self._images(reception)
        self._tell_push(reception.study_uid, images, verdict)
        if verdict.drop and images:
            self._rest.delete_instances(images)

    def _verdict(self, reception: Reception) -> PushVerdict:
        size = sum(self._rest.statistics(f"studies/{orthanc_id}")[1] for orthanc_id in reception.orthanc_ids)
        open_s = (now_ms() - reception.opened_at) / 1000
        return judge_push(size, open_s, self._room.disk(), self._full)

    def _tell_push(self, study_uid: str, images: list[str], verdict: PushVerdict) -> None:
        words = f"a push is over its budget: {verdict.why}"
        if verdict.drop:
            words += "; its images are deleted"
        sender = self._rest.metadata(images[0]) if images else {}
        who = {"sender": sender.get("RemoteAET", ""), "address": sender.get("RemoteIP", "")}
        told = {"studyUID": study_uid, "images": len(images), **who}
        self._log.event("push_over_budget", words, level="ERROR", **told)

    def _images(self, reception: Reception) -> list[str]:
        series = (one for orthanc_id in reception.orthanc_ids for one in self._rest.series_of(orthanc_id))
        return [instance for one in series for instance in one.instances]
