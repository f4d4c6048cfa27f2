"""
What waits is sent in batches. An entry counts as sent only when the answer names it; one that the other side
cannot take costs only itself.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...domain.errors import Busy, PermanentError, RetriableError, Unreachable
from ...domain.report_exchange.entry import Entry, EntryKind, accepted, put_off, refused
from ...domain.retry import RetryPolicy
from ...ports import Clock, EventLog, Ledger, Recipient, Taking
from ..recover.lease_holder import LeaseHolder

NOT_NAMED = "the answer did not say that it was taken"
MAX_REASON = 300
MAX_ALONE = 2
"""So many entries fail by themselves before it is the other side's fault and nothing else is tried now."""


@dataclass
class SendEntries:
    """
    The step of a loop: one process at a time sends the entries of a kind.

    Killed between the answer and the note of it, the same version is sent again; the other side knows it by
    key and version.
    """

    kind: EntryKind
    recipient: Recipient
    ledger: Ledger
    leases: LeaseHolder
    clock: Clock
    log: EventLog
    policy: RetryPolicy
    batch: int = 100
    _one: threading.Lock = field(default_factory=threading.Lock)
    """The comparison sends, too, in a thread of its own."""

    def __call__(self) -> bool:
        """
        Send what is due, one batch.

        Returns:
            Whether there was anything that could be settled: then there may be more.

        Raises:
            RetriableError: The other side does not answer; nothing is noted of the entries.
        """
        lease = f"exchange {self.kind}"
        with self._one:
            if not self.ledger.due(self.kind, self.clock.now(), 1) or not self.leases.hold(lease):
                return False
            try:
                return self._send(self.ledger.due(self.kind, self.clock.now(), self.batch), _Failures()) > 0
            finally:
                self.leases.let_go(lease)

    def _send(self, entries: Sequence[Entry], failures: _Failures) -> int:
        """How many of them were settled."""
        if not entries:
            return 0
        try:
            taking = self.recipient.send(entries)
        except (Unreachable, Busy):
            raise
        except (RetriableError, PermanentError) as error:
            return self._send_halves(entries, error, failures)
        failures.others_go = True
        return sum(self._settle(entry, taking) for entry in entries)

    def _send_halves(
        self, entries: Sequence[Entry], error: PermanentError | RetriableError, failures: _Failures
    ) -> int:
        """One that cannot be sent keeps none of the others back."""
        if len(entries) == 1:
            return self._failed_alone(entries[0], error, failures)
        half = len(entries) // 2
        return self._send(entries[:half], failures) + self._send(entries[half:], failures)

    def _failed_alone(self, entry: Entry, error: PermanentError | RetriableError, failures: _Failures) -> int:
        if isinstance(error, PermanentError):
            return self._write(refused(entry, str(error)[:MAX_REASON]))
        failures.alone += 1
        if not failures.others_go and failures.alone >= MAX_ALONE:
            raise error
        self._write(put_off(entry, str(error)[:MAX_REASON], self.policy, self.clock.now()))
        return 1

    def _settle(self, entry: Entry, taking: Taking) -> int:
        if entry.key in taking.accepted:
            return self._write(accepted(entry, self.clock.now()))
        if entry.key in taking.refused:
            return self._write(refused(entry, taking.refused[entry.key][:MAX_REASON]))
        self._write(put_off(entry, NOT_NAMED, self.policy, self.clock.now()))
        return 0

    def _write(self, entry: Entry) -> int:
        """
        Where it changed in between it waits in its new version, and what was heard of the old one is void.
        The reason is on the page: the other side's words may name a patient.
        """
        if not self.ledger.put(entry):
            return 0
        level = "INFO" if not entry.reason else "WARNING"
        words = f"{entry.kind} {entry.state}"
        told = {"entry": entry.key, "version": entry.version, "tries": entry.tries}
        self.log.event("entry_sent", words, level, **told)
        return 1


@dataclass
class _Failures:
    """Of one batch: how many entries failed by themselves, and whether any went through."""

    alone: int = 0
    others_go: bool = False
