"""
The cells of the matrix: a stage of a study's way, and what dies exactly there.

A stage is a place of :mod:`pacs_module.shared.crash_points`; it lies in one of our processes. That process
kills itself there, or it waits there while another one is killed, goes on without it, and meets it again when
it has been started.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pacs_module.shared.crash_points import PLACES

PLUGINS = (
    "pull_journaled",
    "submitted",
    "moving",
    "received",
    "filtered",
    "exported",
    "journaled",
    "notified",
)
COMPUTING = "computing"
"""A place in the backend, as tests.chaos.programs.backend has it."""
_OURS = {place: "Orthanc" if place in PLUGINS else "pacs_module" for place in PLACES}
STAGES = (*PLACES[:-1], COMPUTING, PLACES[-1])
"""In the order in which a study passes them."""
UPLOAD_STAGES = ("cached", "routed", "to_upload", "uploading", "uploaded", "upload_verified")
"""In the order in which an upload to a destination passes them."""
HOME = {
    **{stage: _OURS.get(stage, "backend") for stage in STAGES},
    **dict.fromkeys(UPLOAD_STAGES, "pacs_module"),
}
"""The process in which a place lies."""
PROCESSES = ("Orthanc", "pacs_module", "RabbitMQ", "backend", "PACS", "store")
POWER_CUT = "RAM disk"
"""Emptied: store, index and hand-over folder."""
FULL = "RAM disk full"
OUTAGE = "away"
ONE_OF_TWO, STANDS_STILL = "one of two", "one of two stands still"
"""
Of two pacs_module: that one dies where it gets there, or stops for longer than its leases; the other has to
do the work.
"""
PLATFORM = "platform"
"""A regional platform, where there is a destination beside the backend."""
COLUMNS = (*PROCESSES, PLATFORM, POWER_CUT, FULL, ONE_OF_TWO, STANDS_STILL)


class Kind(StrEnum):
    """Which stack a cell needs."""

    ONE = "one"
    """One pacs_module."""
    EDGE = "edge"
    """One pacs_module with a destination: an HTTP platform, and an offline cache."""
    TWO = "two"
    """Two pacs_module."""


@dataclass(frozen=True)
class Cell:
    """
    ``stage`` of the way, or how long (for outages); ``victim``: one of COLUMNS, or several processes with +.
    """

    stage: str
    victim: str
    outage_s: float = 0.0

    @property
    def kind(self) -> Kind:
        """Which stack it needs."""
        if self.victim in (ONE_OF_TWO, STANDS_STILL):
            return Kind.TWO
        return Kind.EDGE if self.stage in UPLOAD_STAGES or self.victim == PLATFORM else Kind.ONE

    def __str__(self) -> str:
        return f"{self.stage}:{self.victim}"


_OTHERS = (
    Cell("stable", "PACS"), Cell("stable", "Orthanc"), Cell("pull_asked", "Orthanc"),
    Cell("moving", "PACS"), Cell("moving", "pacs_module"), Cell("journaled", "pacs_module"),
    Cell("outbox_written", "RabbitMQ"), Cell("published", "RabbitMQ"), Cell("consumed", "RabbitMQ"),
    Cell("computing", "RabbitMQ"),
    Cell("consumed", "backend"), Cell("posted", "backend"), Cell("computing", "pacs_module"),
    Cell("outbox_written", "store"), Cell("result_in", "store"),
)  # fmt: skip
_POWER_CUTS = (Cell("moving", POWER_CUT), Cell("consumed", POWER_CUT), Cell("computing", POWER_CUT))
_FULL = (Cell("moving", FULL), Cell("filtered", FULL))
_PLACES_OF_TWO = (
    "found", "stable", "claimed", "pull_asked", "outbox_written", "published", "consumed", "posted",
    "result_in",
)  # fmt: skip
_TWO = (
    *(Cell(place, ONE_OF_TWO) for place in _PLACES_OF_TWO),
    *(Cell(place, STANDS_STILL) for place in ("claimed", "pull_asked", "posted")),
)
_UPLOADS = (
    *(Cell(stage, HOME[stage]) for stage in UPLOAD_STAGES),
    Cell("to_upload", PLATFORM), Cell("uploading", PLATFORM), Cell("uploaded", PLATFORM),
    Cell("cached", POWER_CUT), Cell("uploading", POWER_CUT), Cell("uploaded", "store"), Cell("routed", "Orthanc"),
)  # fmt: skip
_ALL_OF_THEM = "PACS+RabbitMQ+backend+store"


def _outages(seconds: float) -> tuple[Cell, ...]:
    return tuple(
        Cell(OUTAGE, victim, seconds) for victim in ("PACS", "RabbitMQ", "backend", "store", _ALL_OF_THEM)
    )


USUAL = (
    *(Cell(place, HOME[place]) for place in STAGES), *_OTHERS, *_POWER_CUTS, *_FULL,
    Cell(OUTAGE, _ALL_OF_THEM, 15.0), *_UPLOADS, Cell(OUTAGE, PLATFORM, 15.0), *_TWO,
)  # fmt: skip
"""Those that mean something: under twenty minutes."""
ALL = (
    *(Cell(place, process) for place in STAGES for process in PROCESSES),
    *(Cell(place, disaster) for place in STAGES for disaster in (POWER_CUT, FULL)),
    *(Cell(stage, process) for stage in UPLOAD_STAGES for process in (*PROCESSES, PLATFORM, POWER_CUT, FULL)),
    *_outages(120.0),
    Cell(OUTAGE, PLATFORM, 120.0),
    *_TWO,
    Cell("consumed", STANDS_STILL),
)


def chosen(names: str, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Those of a comma list of ``stage:victim``, ``stage`` or ``victim``; all where it is empty."""
    wanted = [name for name in names.split(",") if name]
    return tuple(cell for cell in cells if not wanted or {str(cell), cell.stage, cell.victim} & set(wanted))
