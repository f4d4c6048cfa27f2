"""
A series of objects that a backend sent back, as the study's document keeps it.

Where it stands at which destination is told by the uploads with its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_OBJECTS = 500
"""Of one set; a series with more becomes several."""
MOST_SETS = 200
"""Of a study; beyond that its results are refused."""
MOST_REFUSED = 50
"""That a study remembers."""


@dataclass
class ResultObject:
    """One object; ``sha256`` of the bytes as they came, to know it again; ``size`` in bytes."""

    sop_uid: str
    sop_class: str
    kind: str
    sha256: str
    size: int = 0


@dataclass
class ResultSet:
    """
    One series of them.

    ``handover_id``: of the hand-over that they are the result of. ``by``: posted, folder or rendered.
    ``released_at``: when its files were removed, because every destination has them.
    """

    result_id: str
    series_uid: str
    modality: str
    received_at: str
    by: str
    handover_id: str = ""
    objects: list[ResultObject] = field(default_factory=list)
    released_at: str = ""


@dataclass
class RefusedResult:
    """One that was not taken: when, its SOPInstanceUID (empty: not known), and why in words."""

    at: str
    sop_uid: str
    why: str


def known_objects(sets: Sequence[ResultSet]) -> dict[str, str]:
    """SOPInstanceUID and SHA-256 of all objects that were taken."""
    return {one.sop_uid: one.sha256 for each in sets for one in each.objects}
