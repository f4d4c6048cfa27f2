"""
Watch the records: whether the store is still there, every few seconds; all records against each other, every
hour (K14).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.errors import StoreLost
from ...domain.instants import milliseconds
from ...domain.retry import RetryPolicy
from ...ports import Clock, EventLog, StudyStore
from .audit_records import AuditRecords

EVERY = timedelta(hours=1)
"""How often the records are compared."""
RECOVER_AFTER = timedelta(seconds=30)
"""So long a lost store is only told: somebody may be about to put it back, or to stop us."""
AWAY = RetryPolicy(attempts=1_000_000, first=timedelta(seconds=2), longest=timedelta(minutes=1))
"""When records are compared again of which one did not answer."""


@dataclass
class WatchRecords:
    """A step, called every few seconds; in memory is only what can be found out anew."""

    store: StudyStore
    audit: AuditRecords
    clock: Clock
    log: EventLog
    _lost_since: int | None = None
    _due_at: int | None = None
    _tries: int = 0
    _told: dict[str, str] = field(default_factory=dict)

    def __call__(self) -> bool:
        """
        Look once; there is never more to do at once.

        Raises:
            StoreLost: The store is not there any more, and is not put back yet.
            RetriableError: It does not answer.
        """
        if self._store_is_back():
            self._due_at = None
        self._tell_unreadable()
        now = self.clock.steady()
        if self._due_at is None or now >= self._due_at:
            away = self.audit().away
            self._tries = self._tries + 1 if away else 0
            self._due_at = now + milliseconds(AWAY.pause_after(self._tries) if away else EVERY)
        return False

    def _store_is_back(self) -> bool:
        """Whether it was lost and is there again."""
        try:
            self.store.identity()
        except StoreLost as error:
            return self._lost(error)
        was_lost, self._lost_since = self._lost_since is not None, None
        if was_lost:
            self.log.event("store_is_back", "the store is back where it was", "WARNING")
        return was_lost

    def _lost(self, error: StoreLost) -> bool:
        now = self.clock.steady()
        if self._lost_since is None:
            self._lost_since = now
            self.log.event("store_lost", str(error), "ERROR", recoveredInS=RECOVER_AFTER.total_seconds())
        if now - self._lost_since < milliseconds(RECOVER_AFTER):
            raise error
        done = self.store.recover()
        self._lost_since = None
        self.log.event("store_recovered", f"the store was lost while it was in use: {done}", "ERROR")
        return True

    def _tell_unreadable(self) -> None:
        """Each document once, as long as its reason is the same."""
        known = dict(self.store.unreadable())
        for uid, why in known.items():
            if self._told.get(uid) != why:
                words = "a study's document cannot be read; it is skipped"
                self.log.event("document_unreadable", words, "ERROR", studyUID=uid, why=why)
        beside = dict(self.store.unreadable_beside())
        for name, why in beside.items():
            if self._told.get(name) != why:
                words = "what was kept beside the studies cannot be read; it counts as never written"
                self.log.event("kept_value_unreadable", words, "ERROR", name=name, why=why)
        self._told = {**known, **beside}
