"""Two copies of a study, image by image: what has the one that the other lacks? (M26)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Copy = Mapping[str, frozenset[str]]
"""SOP Instance UIDs by SeriesInstanceUID."""


@dataclass(frozen=True)
class SeriesDifference:
    """One series: how many images both have, and the SOP Instance UIDs that only one has, sorted."""

    series_uid: str
    both: int
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """The same images on both sides."""
        return not self.only_left and not self.only_right


def compare(left: Copy, right: Copy) -> tuple[SeriesDifference, ...]:
    """Every series that either side has, by UID."""
    empty: frozenset[str] = frozenset()
    pairs = ((uid, left.get(uid, empty), right.get(uid, empty)) for uid in sorted({*left, *right}))
    return tuple(
        SeriesDifference(uid, len(a & b), tuple(sorted(a - b)), tuple(sorted(b - a))) for uid, a, b in pairs
    )
