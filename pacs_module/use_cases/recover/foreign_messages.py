"""
Messages of another installation at the same queue: they are left to it, neither computed as ours nor dropped
(K14).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...ports import Delivery, EventLog, StudyStore


@dataclass
class ForeignMessages:
    """
    Says whether a message that the store does not know is another installation's.

    A store that was lost has another id than the one before it, but then the plugins' journal knows the
    hand-over: its message is ours.

    Args:
        store: Has the id of this installation.
        row_of: The plugins' record of a hand-over by its id, None when they have none.
        log: Each other installation is told once.
    """

    store: StudyStore
    row_of: Callable[[str], Any]
    log: EventLog
    _told: set[str] = field(default_factory=set)

    def __call__(self, delivery: Delivery) -> bool:
        """
        Whether it is to be left in the queue.

        Raises:
            RetriableError: The store is away.
        """
        publisher, ours = delivery.installation, self.store.identity().installation
        if publisher in ("", ours) or self.row_of(str(delivery.message.get("handoverID", ""))) is not None:
            return False
        if publisher not in self._told:
            self._told.add(publisher)
            self._tell(publisher, ours)
        return True

    def _tell(self, publisher: str, ours: str) -> None:
        words = "another installation uses the same queue: its messages are left there; give each its own"
        self.log.event("queue_shared", words, "ERROR", installation=publisher, store=ours)
