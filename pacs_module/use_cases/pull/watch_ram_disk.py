"""
How full the RAM disk is, and whether the plugins' records are whole, asked of the plugins: for health, metrics
and the alarm (M19, M38, K14).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...ports import EventLog, Puller

RECORDS_GONE = "the plugins' journal or hand-over folder is not where it belongs"
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
        before, records_before = self.state, self.records_fault()
        self.state = dict(self.puller.room())
        self.tell(self.state)
        if self.records_fault() != records_before:
            gone = bool(self.records_fault())
            key, words = (
                ("plugin_records_gone", RECORDS_GONE)
                if gone
                else (
                    "plugin_records_whole",
                    "the plugins' journal and hand-over folder are where they belong again",
                )
            )
            self.log.event(key, words, "ERROR" if gone else "WARNING")
        if bool(self.state.get("alarm")) != bool(before.get("alarm")):
            full = bool(self.state.get("alarm"))
            words = FULL if full else "the RAM disk is emptier again"
            key = "ram_disk_full" if full else "ram_disk_has_room"
            self.log.event(key, words, "WARNING" if full else "INFO", **self.state)
        return False
