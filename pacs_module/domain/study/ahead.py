"""Series of a growing study that are to be pulled ahead of the rest (N1)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Ahead:
    """
    Decided, not asked for yet: ``series`` with the instances that each has, by SeriesInstanceUID, at
    ``pacs``.
    """

    pacs: str
    series: dict[str, int] = field(default_factory=dict)
    why: str = ""
