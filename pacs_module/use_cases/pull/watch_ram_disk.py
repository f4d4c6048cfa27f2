"""
How full the RAM disk is, and whether the plugins' records are whole, asked of the plugins: for health,
metrics and the alarm (M19, M38, K14).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import PipelineError
from ...ports import EventLog, Puller
from .receiver_book import ReceiverBook

RECORDS_GONE = "the plugins' journal or hand-over folder is not where it belongs"

RECORDS_WHOLE = "the plugins' journal and hand-over folder are where they belong again"
FULL = "the RAM disk is full: results are late, or too many pulls at once"


@dataclass
class WatchRamDisk:
    """
    ``state`` is what the plugins said last; ``tell`` gets it each time.

    Of several receiving Orthancs it is the sum, with each of them under ``receivers``.
    """

    puller: Puller
    log: EventLog
    tell: Callable[[Mapping[str, Any]], None]
    state: dict[str, Any] = field(default_factory=dict)
    receivers: ReceiverBook | None = None
    """None: there is one."""
    each: Mapping[str, Puller] = field(default_factory=dict)
    """The plugins of each by name, where there are several."""
    refused: Callable[[str, object], None] = lambda receiver, shown: None
    """Gets whom the DICOM port of each has refused, as its plugins show it."""
    _told: dict[str, Mapping[str, Any]] = field(default_factory=dict)

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
        return self.look("")

    def look(self, name: str) -> bool:
        """
        Ask one of several, by its name; there is never more to do at once.

        Raises:
            RetriableError: Its plugins do not answer.
        """
        was_full, were_gone = bool(self.state.get("alarm")), self.records_fault()
        try:
            told = self.each.get(name, self.puller).room()
        except PipelineError as error:
            self._lost(name, error.public)
            raise
        told = dict(told)
        self.refused(name, told.pop("refused", None))
        self._take(name, told)
        self.tell(self.state)
        if self.records_fault() != were_gone:
            self._tell_records()
        if bool(self.state.get("alarm")) != was_full:
            self._tell_room()
        return False

    def _lost(self, name: str, why: str) -> None:
        if self.receivers is None:
            return
        self.receivers.lost(name, why)
        self._told.pop(name, None)
        if self.receivers.several:
            self.state = self._together(self.receivers)

    def _take(self, name: str, told: Mapping[str, Any]) -> None:
        if self.receivers is not None:
            self.receivers.told(name, told)
        self._told[name] = told
        several = self.receivers is not None and self.receivers.several
        self.state = self._together(self.receivers) if several and self.receivers else dict(told)

    def _together(self, book: ReceiverBook) -> dict[str, Any]:
        """The sum of those that answer."""
        told = list(self._told.values())
        together = _sums(told)
        together["alarm"] = any(one.get("alarm") for one in told)
        if any(one.get("recordsWhole") is False for one in told):
            together["recordsWhole"] = False
        rules = next((one.get("rules", "") for one in told), "")
        return {**together, "rules": rules, "receivers": book.shown()}

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


def _sums(told: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Bytes and numbers of pulls, each added up over the receivers."""
    sums: Counter[str] = Counter()
    for one in told:
        sums.update({key: one[key] for key in one if key.endswith("Bytes") or key.startswith("pulls")})
    return {key: sums[key] for key in sorted(sums)}
