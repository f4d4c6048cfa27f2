"""
Free claims: what a process had claimed that is over is due at once for those that live, not after the claim's
lease (M27).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.study.history import Note
from ...domain.study.study import WORK, Study
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study
from .lease_holder import LeaseHolder


@dataclass
class FreeClaims:
    """
    The one way in which the work of a dead process is taken over: a step, and once before this process claims
    anything itself.

    One that only stood still may still believe to have what it loses here: it sees it by the study's revision
    or its claim.
    """

    store: StudyStore
    leases: LeaseHolder
    clock: Clock
    log: EventLog
    works: Sequence[str] = WORK
    """The kinds of work that anybody claims here."""

    def __call__(self) -> bool:
        """
        Say that this process lives, and clear up after those that do not; there is never more to do at once.
        """
        self.leases.be_present()
        for owner in self.leases.dead():
            freed = sum(free_claims(self.store, self.clock, work, owner, "it is gone") for work in self.works)
            self.leases.forget(owner)
            self.log.event(
                "claims_freed",
                "claims of a dead process are free",
                "WARNING" if freed else "INFO",
                process=owner,
                claims=freed,
            )
        return False


def free_claims(store: StudyStore, clock: Clock, work: str, owner: str, why: str) -> int:
    """
    Make what somebody has claimed and will not do due at once.

    Args:
        store: The studies.
        clock: For now.
        work: The kind of work.
        owner: Who has claimed it.
        why: Why it will not be done.

    Returns:
        How many claims there were.
    """

    def edit(study: Study) -> bool:
        if study.claims.get(work) != owner:
            return False
        now = clock.now()
        study.schedule(work, now)
        study.note(Note.TAKEN_OVER, f"{work}, claimed by {owner}: {why}", now)
        return True

    held = store.held_by(work, owner, clock.now())
    for study in held:
        update_study(store, study.study_uid, edit)
    return len(held)
