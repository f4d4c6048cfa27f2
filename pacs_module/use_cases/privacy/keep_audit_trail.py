"""
The audit trail's upkeep: its end is noted in the store, and what is new is sent to the receiver of audit
messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from ...domain.audit_trail.entry import Act, Deed, Head
from ...ports import EventLog
from ...ports.leases import Leases

BATCH = 100
PREFIX = "audit trail "


class Trail(Protocol):
    """The trail of this process."""

    def append(self, act: Act) -> Head:
        """Write an entry."""
        ...

    def entries(self, after: int = 0) -> Iterable[dict[str, Any]]:
        """The entries with a higher number."""
        ...

    def head(self) -> Head:
        """The end of the trail."""
        ...

    def begin(self) -> Any:
        """Where it begins, with the id of the chain."""
        ...

    def sync(self) -> None:
        """See that what was written outlasts a power cut."""
        ...


@dataclass
class KeepTrail:
    """
    The step of its loop.

    The trail is its own spool: ``sent`` is the file with the number of the last entry that was sent. When
    more than ``spool`` of them wait, the oldest are passed over, which is an entry itself.
    """

    trail: Trail
    leases: Leases
    log: EventLog
    sent: Path
    spool: int
    send: Callable[[Sequence[dict[str, Any]]], None] | None = None
    _noted: Head = field(default_factory=Head)

    def __call__(self) -> bool:
        """
        Note the end, send a batch; True: there is more to send.

        Raises:
            RetriableError: Store or receiver are away.
        """
        head = self.trail.head()
        if head != self._noted:
            self.trail.sync()
            note = {"number": head.number, "hash": head.digest}
            self.leases.edit(f"{PREFIX}{self.trail.begin().chain}", lambda memo: note)
            self._noted = head
        return self.send is not None and self._send(self.send, head)

    def _send(self, send: Callable[[Sequence[dict[str, Any]]], None], head: Head) -> bool:
        done = self._position()
        if done > head.number:  # of another trail, or this one was put back from a backup
            done = 0
        if head.number - done > self.spool:
            done = self._pass_over(head.number - self.spool, done)
        batch = list(islice(self.trail.entries(done), BATCH))
        if not batch:
            return False
        send(batch)
        self._remember(int(batch[-1]["number"]))
        return len(batch) == BATCH

    def _pass_over(self, to: int, done: int) -> int:
        words = "entries of the audit trail are not sent: the receiver was away for too long"
        self.log.event("audit_entries_not_sent", words, "ERROR", number=to - done)
        self.trail.append(Act(Deed.LOST, way="pacs_module", note=f"{to - done} {words}", status=503))
        self._remember(to)
        return to

    def _position(self) -> int:
        try:
            return int(self.sent.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _remember(self, number: int) -> None:
        draft = self.sent.with_name(f"{self.sent.name}.new")
        draft.write_text(str(number), encoding="ascii")
        draft.replace(self.sent)
