"""Series that are pulled before their study is complete (N1)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Ahead:
    """
    Decided, not asked for yet: ``series`` with the instances that each has, by SeriesInstanceUID, at
    ``pacs``. ``proof_ms``: so long they have still to stand still, which is asked for while they are pulled.
    """

    pacs: str
    series: dict[str, int] = field(default_factory=dict)
    why: str = ""
    proof_ms: int = 0
