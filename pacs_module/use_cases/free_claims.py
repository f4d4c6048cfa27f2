"""Free claims: what a process had claimed that is dead by now is due at once, and not after the claim's lease (M27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..domain.study import ANONYMISE, PUBLISH, PULL, RELEASE, Study
from ..ports import AtLeast, Clock, EventLog, StudyStore
from . import anonymise, publish, pull_studies, release
from .changing import change, milliseconds

_LEASES = {
    PULL: pull_studies.CLAIM_LEASE,
    PUBLISH: publish.CLAIM_LEASE,
    ANONYMISE: anonymise.CLAIM_LEASE,
    RELEASE: release.ARCHIVE_LEASE,
}


@dataclass
class FreeClaims:
    """
    To be called once, before anything is claimed by this process.

    A claim looks like any other time in ``due``. So a pause that is shorter than a lease may be cut short as well: a pull or a
    copy is repeated a little earlier, and a step that finds nothing to publish or to release puts itself off again. Studies of
    the backlog keep their time.

    Args:
        gone: Whether a claimer lives no more.
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    gone: Callable[[str], bool]

    def __call__(self) -> int:
        """
        Free them.

        Returns:
            How many there were.
        """
        now, freed = self.clock.now(), 0
        for work, lease in _LEASES.items():
            last = now + milliseconds(lease)
            for study in self.store.find({f"due.{work}": AtLeast(now + 1)}):
                if self._is_stale(study, work, last):
                    change(self.store, study.study_uid, partial(self._free, work, now, last))
                    freed += 1
        if freed:
            self.log.event("claims of dead processes are free", claims=freed)
        return freed

    def _is_stale(self, study: Study, work: str, last: int) -> bool:
        until = study.due.get(work)
        return (
            until is not None and until <= last and not study.backlog and bool(study.claimed_by) and self.gone(study.claimed_by)
        )

    def _free(self, work: str, now: int, last: int, study: Study) -> bool:
        if not self._is_stale(study, work, last):
            return False
        study.schedule(work, now)
        return True
