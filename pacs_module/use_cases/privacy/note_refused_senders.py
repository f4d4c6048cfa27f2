"""
Whom the receiving Orthancs have refused at their DICOM ports goes into the audit trail.

The plugins number them, process by process, and show the last ones (``GET /aipull/status``). How far a
receiver's are written stands in the store: after a restart, or at another pacs_module, none is written again.
An entry is written first and noted then: a kill in between, or two processes at once, may write it twice,
never not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...domain.audit_trail.entry import Act, Deed
from ...domain.errors import PipelineError
from ...ports import EventLog
from ...ports.leases import Leases

PREFIX = "refused senders "
_REFUSED = 403


@dataclass
class NoteRefusedSenders:
    """Gets what the plugins of a receiver show: ``process``, and ``senders`` with a ``number`` each."""

    append: Callable[[Act], object]
    leases: Leases
    log: EventLog
    _noted: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __call__(self, receiver: str, shown: object) -> None:
        """Write those that were not written yet; a trail that cannot be written is told, and tried again."""
        if not isinstance(shown, Mapping) or not isinstance(shown.get("process"), str):
            return
        try:
            self._note(receiver, shown["process"], list(_senders(shown.get("senders"))))
        except PipelineError as error:
            words = "the audit trail cannot be written"
            self.log.event("audit_trail_not_written", words, "ERROR", error=str(error))

    def _note(self, receiver: str, process: str, senders: list[Mapping[str, Any]]) -> None:
        last = max((int(one["number"]) for one in senders), default=0)
        if not senders or self._noted.get(receiver) == (process, last):
            return
        done = self._done(receiver, process)
        for sender in senders:
            if int(sender["number"]) > done:
                self.append(_act(receiver, sender))
        if last > done:
            note = {"process": process, "number": last}
            self.leases.edit(PREFIX + receiver, lambda memo: note)
        self._noted[receiver] = (process, last)

    def _done(self, receiver: str, process: str) -> int:
        memo = self.leases.memo(PREFIX + receiver)
        number = memo.get("number")
        return number if memo.get("process") == process and isinstance(number, int) else 0


def _senders(shown: object) -> Iterator[Mapping[str, Any]]:
    for one in shown if isinstance(shown, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("number"), int):
            yield one


def _act(receiver: str, sender: Mapping[str, Any]) -> Act:
    """What the sender calls itself is nobody's word but its own."""
    where = f" at {receiver}" if receiver else ""
    return Act(
        Deed.SENDER_REFUSED,
        by=str(sender.get("aeTitle") or ""),
        way="DICOM",
        address=str(sender.get("address") or ""),
        action=f"association{where}",
        status=_REFUSED,
        note=str(sender.get("why") or ""),
    )
