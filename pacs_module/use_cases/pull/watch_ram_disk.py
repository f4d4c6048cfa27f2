"""
How full the RAM disk is, and whether the plugins' records are whole, asked of the plugins: for health,
metrics and the alarm (M19, M38, K14).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...ports import EventLog, Puller

RECORDS_GONE = "the plugins' journal or hand-over folder is not where it belongs"

RECORDS_WHOLE = "the plugins' journal and hand-over folder are where they belong again"
FULL = "the RAM disk is full: results are late, or too many pulls at once"


@dataclass
class WatchRamDisk:
    """``state`` is what the plugins said last; ``tell`` gets it each time."""

    puller: Puller
    log: EventLog
    tell: Callable[[Mapping[str, Any]], None]
    state: dict[str, Any] = field(default_factory=dict)

    def is_full(self) -> bool:
        """Return whether it was full when it was last asked."""
        return bool(self.state.get("alarm"))

    def records_fault(self) -> str:
        """What is wrong with the plugins' records, as they said last; empty: nothing."""
        return RECORDS_GONE if self.state.get("recordsWhole") is False else ""

    def __call__(self) -> bool:
        """
        Ask once; there is never more to do at once.

        Raises:
            RetriableError: The plugins do not answer.
        """
        was_full, were_gone = bool(self.state.get("alarm")), self.records_fault()
        self.state = dict(self.puller.room())
        self.tell(self.state)
        if self.records_fault() != were_gone:
            self._tell_records()
        if bool(self.state.get("alarm")) != was_full:
            self._tell_room()
        return False

    def _tell_records(self) -> None:
        if self.records_fault():
            self.log.event("plugin_records_gone", RECORDS_GONE, "ERROR")
        else:
            self.log.event("plugin_records_whole", RECORDS_WHOLE, "WARNING")

    def _tell_room(self) -> None:
        if self.state.get("alarm"):
            self.log.event("ram_disk_full", FULL, "WARNING", **self.state)
        else:
            self.log.event("ram_disk_has_room", "the RAM disk is emptier again", "INFO", **self.state)
