"""What every use case has around it: a clock and a log."""

from __future__ import annotations

from datetime import date
from typing import Protocol


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> int:
        """Epoch milliseconds."""
        ...

    def today(self) -> date:
        """The date in the hospital's time zone."""
        ...

    def steady(self) -> int:
        """
        Milliseconds since some instant, by a clock that nobody sets and that goes on while the machine
        sleeps.
        """
        ...


class EventLog(Protocol):
    """Where use cases write: contract lines to dcm_end.log, everything else to the JSON log."""

    def line(self, text: str) -> None:
        """One line of dcm_end.log, as made by :mod:`pacs_module.domain.explain.loglines`."""
        ...

    def event(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
        """Something worth saying that the contract has no line for: a stable key, and the words."""
        ...
