"""
Whom the pipeline waits for, since when and why: one entry a server, however many loops stand before its door.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import PipelineError


@dataclass(frozen=True)
class ServerFault:
    """
    Why nothing goes on somewhere: the server, words that anybody may read, and since when, in epoch
    milliseconds.
    """

    server: str
    because: str
    since: int

    @classmethod
    def of(cls, error: Exception, since: int) -> ServerFault:
        """
        What of an error may be shown; of one that nobody expected only its kind: its words may hold anything.
        """
        if isinstance(error, PipelineError):
            return cls(error.server, error.public, since)
        return cls("", f"unexpected {type(error).__name__}, see the log", since)


@dataclass(frozen=True)
class Outage:
    """A server, or a loop that fails by itself (``loop NAME``), and the loops that wait for it."""

    what: str
    since: int
    because: str
    loops: tuple[str, ...]


def outages(faults: Iterable[tuple[str, ServerFault]]) -> list[Outage]:
    """
    The faults by server, in the order in which they began.

    Args:
        faults: Each with the loop that met it. Of several at one server the earliest says since when, the
        latest says why.
    """
    at: dict[str, list[tuple[str, ServerFault]]] = {}
    for loop, fault in faults:
        at.setdefault(fault.server or f"loop {loop}", []).append((loop, fault))
    return sorted(
        (_joined(what, met) for what, met in at.items()), key=lambda entry: (entry.since, entry.what)
    )


def _joined(what: str, met: list[tuple[str, ServerFault]]) -> Outage:
    faults = [fault for _, fault in met]
    latest = max(faults, key=lambda fault: fault.since)
    return Outage(
        what, min(fault.since for fault in faults), latest.because, tuple(sorted({loop for loop, _ in met}))
    )
