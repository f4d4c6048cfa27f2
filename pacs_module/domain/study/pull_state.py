"""
What becomes of one pull: asked for, then one of the ends.

A pull ends once. What the plugins report a second time, or after it was taken back, is the end of no pull
that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..state_table import StateTable


class PullStatus(StrEnum):
    """As the document says it (``pull.status``)."""

    ASKED = "asked"
    ENDED = "ended"


class PullOutcome(StrEnum):
    """As the plugins report it (``pull.outcome``)."""

    NONE = ""
    """It has not ended."""
    RECEIVED = "received"
    """Images were handed over; a notification says so."""
    FILTERED = "filtered"
    """Every series was dropped; a notification says so."""
    NOTHING_NEW = "nothing_new"
    """Nothing that was not handed over before."""
    SHORT = "short"
    """Less came than was announced."""
    FAILED = "failed"
    """Nothing came, or the plugins refused the pull."""


class Charge(StrEnum):
    """Whether a pull that failed counts as an attempt of its study (K4)."""

    CHARGED = "charged"
    NOT_CHARGED = "not charged"
    """The way to the PACS and back is at fault."""
    PENDING = "pending"
    """Not known yet: charged when another study of that PACS comes through before this one is tried again."""


BROUGHT = (PullOutcome.RECEIVED, PullOutcome.FILTERED, PullOutcome.NOTHING_NEW)
"""The study has come: the path works."""
TO_REPEAT = (PullOutcome.SHORT, PullOutcome.FAILED)
"""To be pulled again, while attempts are left."""

TABLE: Mapping[PullStatus, Mapping[PullOutcome, PullStatus]] = {
    PullStatus.ASKED: {
        PullOutcome.RECEIVED: PullStatus.ENDED,
        PullOutcome.FILTERED: PullStatus.ENDED,
        PullOutcome.NOTHING_NEW: PullStatus.ENDED,
        PullOutcome.SHORT: PullStatus.ENDED,
        PullOutcome.FAILED: PullStatus.ENDED,
    },
    PullStatus.ENDED: {},
}

PARTITIONS: Mapping[str, Mapping[str, tuple[PullStatus, ...]]] = {
    "does it run": {"runs": (PullStatus.ASKED,), "over": (PullStatus.ENDED,)},
}
"""Each status is in exactly one group."""

PULL_STATES = StateTable(
    PullStatus, TABLE, "a pull that is {state} cannot end as {event!r}", __name__, PARTITIONS
)
