"""
How many instances a series that grows will probably have in the end.

It says when a look is worth its query, and that a series which stops there has stopped. It proves nothing:
what was foreseen is never counted as what the PACS has.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..dicom.attributes import SeriesFacts
from .usual import Usual, expected_instances, slices_in_thick, thickest_of, thickness_of

NEARLY = 2
"""A series that stops within so many instances of what was foreseen ends as foreseen."""


@dataclass(frozen=True)
class Foreseen:
    """
    ``count`` instances, give or take ``slack``: a thick slice that was only begun has fewer thin ones. 0:
    nothing is known.
    """

    count: int = 0
    slack: int = NEARLY

    def is_met(self, count: int) -> bool:
        """Whether a series with so many instances ends as foreseen."""
        return self.count > 0 and abs(count - self.count) <= self.slack

    def is_passed(self, count: int) -> bool:
        """Whether a series has more instances than were foreseen."""
        return count > self.count + self.slack


def foreseen_of(
    facts: SeriesFacts, series: Sequence[SeriesFacts], whole: Collection[str], usual: Sequence[Usual]
) -> Foreseen:
    """
    How many instances a series will have.

    Of the series of the scan that are whole, one with slices as thick has as many. Else the thickest one says
    how long the scan was: how many thin slices that makes is known from the last study of the protocol, and
    before there was one from the thicknesses, which is too little where slices overlap. Without any: as many
    as in the last study of the protocol.

    Args:
        facts: The series.
        series: All that the PACS announces of the study.
        whole: Those of them that stand still.
        usual: What the last studies of its protocol ended with.
    """
    here = facts.instances or 0
    for found in _by_scan(facts, [one for one in series if one.series_uid in whole], usual):
        if found.count and not found.is_passed(here):
            return found
    return Foreseen(expected_instances(facts, usual))


def _by_scan(facts: SeriesFacts, whole: Sequence[SeriesFacts], usual: Sequence[Usual]) -> Iterator[Foreseen]:
    """What the series that are whole say, the surest first."""
    thickness, thick = thickness_of(facts), thickest_of(whole)
    if not thickness or thick is None:
        return
    alike = [one.instances or 0 for one in whole if thickness_of(one) == thickness]
    if alike:
        yield Foreseen(max(alike))
    for thin_in_thick in (slices_in_thick(facts, usual), thickness_of(thick) / thickness):
        yield Foreseen(round((thick.instances or 0) * thin_in_thick), max(NEARLY, math.ceil(thin_in_thick)))
