"""
Mend due times: what a clock wrote that was ahead is due now, and not when the clock that was set right gets
there (M27).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ...domain.instants import milliseconds
from ...domain.study.study import PUBLISH, RELEASE, Study, upload_work
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study

APART = timedelta(minutes=5)
"""
So far apart the clocks of several machines may be: what a process writes whose clock is a little ahead is no
mistake.
"""


@dataclass
class RepairDueTimes:
    """
    A study is due no later than after the longest pause that its kind of work ever makes; later than that no
    right clock can have said. Studies of the backlog keep their time, which may be days away.

    Args:
        longest: By kind of work, the longest pause or lease.
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    longest: Mapping[str, timedelta]

    def __call__(self) -> bool:
        """
        Make due what cannot be due so late.

        Returns:
            False: nothing more to do until the next time.

        Raises:
            RetriableError: The store is away.
        """
        now = self.clock.now()
        for work in self.longest:
            late = [
                study for study in self.store.due_after(work, self._latest(work, now)) if not study.backlog
            ]
            for study in late:
                update_study(self.store, study.study_uid, partial(self._mend, work, now))
            if late:
                words = "due later than ever: a clock was ahead; due now"
                self.log.event("due_time_repaired", words, "WARNING", work=work, studies=len(late))
        return False

    def _mend(self, work: str, now: int, study: Study) -> bool:
        if study.due.get(work, 0) <= self._latest(work, now):
            return False
        self._mend_handovers(study, now)
        for upload in study.uploads:
            if work == upload_work(upload.destination) and upload.next_at > self._latest(work, now):
                upload.next_at = now
        study.schedule(work, now)
        return True

    def _mend_handovers(self, study: Study, now: int) -> None:
        for item in study.handovers:
            if item.next_at > self._latest(PUBLISH if item.open else RELEASE, now):
                item.next_at = now

    def _latest(self, work: str, now: int) -> int:
        """Nothing is due for it later than this, in epoch milliseconds."""
        return now + milliseconds(self.longest[work] + APART)
