"""All tables of the journal together, for those who write several in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from .handovers import HandoverRows
from .journal import Journal
from .pulls import PullRows
from .receptions import ReceptionRows


@dataclass(frozen=True)
class Tables:
    """The journal and its tables."""

    journal: Journal
    pulls: PullRows
    receptions: ReceptionRows
    handovers: HandoverRows
