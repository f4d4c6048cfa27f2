"""
Why a reception is still open: a value with what it waits for, so that every "not yet" has its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OpenReason(StrEnum):
    """What a reception waits for."""

    PULL_RUNS = "pull_runs"
    IMAGES_ARRIVE = "images_arrive"
    SETTLING = "settling"
    """The move has ended; some PACS send images after it."""
    QUIET = "quiet"
    """Nobody told the number of images: STABLE_AGE without a new one."""
    EXPECTED_ASKED = "expected_asked"
    """pacs_module is asked what the PACS has of a study that came unasked."""
    SENDER_UNKNOWN = "sender_unknown"
    """Images came from somebody unknown, and the pull still runs."""
    PACS_ASKED = "pacs_asked"
    """The PACS is asked whose images these are, or how many it has now."""
    SERIES_INCOMPLETE = "series_incomplete"
    DELETION = "deletion"
    """Concluded: deleted when nothing more comes."""
    STEP_FAILED = "step_failed"


@dataclass(frozen=True)
class WhyOpen:
    """
    The reason, in words for people.

    Args:
        reason: A stable key.
        words: One sentence with its values.
        waits_for: What ends it.
    """

    reason: OpenReason
    words: str
    waits_for: str
