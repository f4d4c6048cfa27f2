"""How full the RAM disk is, asked of the plugins: for health, metrics and the alarm (M19, M38)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...ports import EventLog, Puller

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

    def __call__(self) -> bool:
        """
        Ask once; there is never more to do at once.

        Raises:
            RetriableError: The plugins do not answer.
        """
        before, self.state = self.state, dict(self.puller.room())
        self.tell(self.state)
        if bool(self.state.get("alarm")) != bool(before.get("alarm")):
            full = bool(self.state.get("alarm"))
            words = FULL if full else "the RAM disk is emptier again"
            key = "ram_disk_full" if full else "ram_disk_has_room"
            self.log.event(key, words, "WARNING" if full else "INFO", **self.state)
        return False
