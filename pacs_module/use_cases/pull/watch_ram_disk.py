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
    ``tell`` gets what the plugins said each time.

    Of several receiving Orthancs it is the sum, with each of them under ``receivers``.
    """

    puller: Puller
    log: EventLog
    tell: Callable[[Mapping[str, Any]], None]
    receivers: ReceiverBook | None = None
    """None: there is one."""
    each: Mapping[str, Puller] = field(default_factory=dict)
    """The plugins of each by name, where there are several."""
    refused: Callable[[str, object], None] = lambda receiver, shown: None
    """Gets whom the DICOM port of each has refused, as its plugins show it."""
    _full_told: bool = False
    _fault_told: str = ""
    _told: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _last: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> dict[str, Any]:
        """What the plugins said last; of several, the sum of those that are there at this moment."""
        if self.receivers is not None and self.receivers.several:
            return self._together(self.receivers)
        return dict(self._last)

    def take(self, name: str, told: Mapping[str, Any]) -> None:
        """Take what the plugins of one said of its RAM disk and records; there may be one without a name."""
        if self.receivers is not None:
            self.receivers.told(name, told)
        self._told[name] = self._last = told

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
        try:
            told = self.each.get(name, self.puller).room()
        except PipelineError as error:
            if self.receivers is not None:
                self.receivers.lost(name, error.public)
            raise
        told = dict(told)
        self.refused(name, told.pop("refused", None))
        self.take(name, told)
        self.tell(self.state)
        self._tell_changes()
        return False

    def _together(self, book: ReceiverBook) -> dict[str, Any]:
        """The sum of those that are there: a pull may find one away before it is asked here again."""
        told = [one for name, one in list(self._told.items()) if not book.is_away(name)]
        together = _sums(told)
        together["alarm"] = any(one.get("alarm") for one in told)
        if any(one.get("recordsWhole") is False for one in told):
            together["recordsWhole"] = False
        rules = next((one.get("rules", "") for one in told), "")
        return {**together, "rules": rules, "receivers": book.shown()}

    def _tell_changes(self) -> None:
        fault, full = self.records_fault(), self.is_full()
        if fault != self._fault_told:
            self._fault_told = fault
            self._tell_records()
        if full != self._full_told:
            self._full_told = full
            self._tell_room()

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
