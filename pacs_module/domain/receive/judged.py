"""A series that has been judged."""

from __future__ import annotations

from dataclasses import dataclass

from ..dicom.attributes import SeriesFacts
from ..rules.filters import Verdict


@dataclass(frozen=True)
class Judged:
    """
    A series with the facts of its first image and the verdict on them; ``at_find``: judged before the pull.
    """

    facts: SeriesFacts
    verdict: Verdict
    at_find: bool = False
