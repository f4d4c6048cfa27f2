"""
The nightly job: what names patients and is older than its age is removed, once a night over all processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from ...domain.errors import PipelineError
from ...domain.instants import iso, milliseconds
from ...domain.privacy.retention import held
from ...ports import Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..recover.lease_holder import LeaseHolder
from ..recover.once_a_night import OnceANight

LEASE = "retention"
AT_ONCE = 200
"""Studies that are looked at, and removed, in one transaction."""
PAUSE = timedelta(hours=1)
"""After a night on which something could not be done."""

Part = Callable[[], Mapping[str, int]]
"""Removes one kind of thing; how many of what. Twice is once."""


@dataclass
class RemoveStudies:
    """
    Removes studies with nothing in flight whose last change is ``days`` days ago.

    ``found_from`` gives the first day that finds or the nightly comparison still ask for.
    """

    store: StudyStore
    clock: Clock
    days: int
    found_from: Callable[[], str]

    def __call__(self) -> Mapping[str, int]:
        """
        Remove them, some in a transaction: after a kill the next call takes the rest.

        Raises:
            RetriableError: The store is away.
        """
        moment = iso(self.clock.now() - milliseconds(timedelta(days=self.days)))
        first_found, after = self.found_from(), ""
        counts = {"studies": 0, "studiesKept": 0}
        while studies := self.store.changed_before(moment, after, AT_ONCE):
            free = [study for study in studies if held(study, first_found) is None]
            gone = self.store.remove_many(free) if free else set()
            reach("studies_removed")
            counts["studies"] += len(gone)
            counts["studiesKept"] += len(studies) - len(gone)
            after = studies[-1].study_uid
        return counts


@dataclass
class Retain:
    """
    The step of its loop.

    Beside the lease stands what was done: ``night`` the last one that was run whole, ``at`` (ISO 8601 UTC)
    when, ``by`` which process, ``did`` how many of what, and ``failed`` what could not be done and why.
    """

    parts: Mapping[str, Part]
    leases: LeaseHolder
    clock: Clock
    local: Callable[[], datetime]
    log: EventLog
    at: time
    started: datetime
    _not_before: int = 0
    told: Callable[[Mapping[str, object]], None] = field(default=lambda memo: None)

    def __post_init__(self) -> None:
        """Make what runs it once."""
        self._once = OnceANight(LEASE, self.leases, self.local, self.at, self.started)

    def __call__(self) -> bool:
        """Run when it is time and no other process has; False: nothing more to do until the next look."""
        if self.clock.now() >= self._not_before:
            self._once(self._tonight)
        return False

    def _tonight(self, night: date, last: date | None, memo: Mapping[str, object]) -> dict[str, object]:
        done = self.run()
        if done["failed"]:
            self._not_before = self.clock.now() + milliseconds(PAUSE)
            return {**memo, **done}
        return {"night": night.isoformat(), **done}

    def run(self) -> dict[str, object]:
        """Remove everything whose age is over, now; what is to be remembered of it."""
        did, failed = self._remove()
        at, by = iso(self.clock.now()), self.leases.owner
        done: dict[str, object] = {"at": at, "by": by, "did": did, "failed": failed}
        words, level = "what was older than its age was removed", "WARNING" if failed else "INFO"
        self.log.event("retention", words, level, did=did, failed=failed)
        self.told(done)
        return done

    def _remove(self) -> tuple[dict[str, int], dict[str, str]]:
        """How many of what were removed, and what could not be, with the reason."""
        did: dict[str, int] = {}
        failed: dict[str, str] = {}
        for name, part in self.parts.items():
            try:
                did.update(part())
            except PipelineError as error:
                failed[name] = str(error)
            reach("part_removed")
        return did, failed
