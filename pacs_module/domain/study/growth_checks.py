"""
Looking again into a study at a PACS that tells no counts: has it grown? (M10, M20)

A count that rises tells of growth. Where a PACS tells none, its series do: a SeriesInstanceUID that was not
there, or more instances in a series than it showed or sent before. Asked ever more rarely, and no more once
the looks are used up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ..retry import RetryPolicy

WHOLE = ""
"""
In place of a SeriesInstanceUID: all instances of the study, at a PACS that cannot be asked for its series.
"""


@dataclass(frozen=True)
class GrowthPolicy:
    """
    The budget of a study since it was last pulled.

    ``pauses``: how many looks, and the pauses between them (13 looks, the last after 46 hours: a series of
    the next day is still seen, six hours late at the most); each look is one query at SERIES level. The first
    ``images`` of them, while a series may still be growing, also count the instances of up to ``most_series``
    taken series at IMAGE level, unless SERIES level does.
    """

    pauses: RetryPolicy = field(
        default_factory=lambda: RetryPolicy(13, timedelta(minutes=5), timedelta(hours=6))
    )
    images: int = 3
    most_series: int = 4
    of_others: int = 3
    """
    Looks into a study all of whose series are of an unwanted modality: a CT may still come to the MR, but
    rarely does.
    """

    def begins_at(self, other_modality: bool) -> int:
        """How many of the looks are skipped; the last ones, with the longest pauses, are left."""
        return max(0, self.pauses.attempts - self.of_others) if other_modality else 0


@dataclass
class GrowthCheck:
    """
    Where a study is looked into, and what was seen.

    ``number`` counts the looks since it was last pulled; ``series`` is the most instances that the PACS has
    shown by SeriesInstanceUID, 0 where they were not counted.
    """

    pacs: str
    number: int = 0
    series: dict[str, int] = field(default_factory=dict)

    def take(self, shown: Mapping[str, int]) -> None:
        """
        Remember what the PACS has shown: what it announces and cannot deliver is growth once, not at every
        look.
        """
        self.series = {
            **self.series,
            **{uid: max(count, self.series.get(uid, 0)) for uid, count in shown.items()},
        }


def has_grown(told: int | None, known: int | None, *others: int | None) -> bool:
    """
    Whether there are more instances than before: of a study, or of one series. The one place that decides it.

    What was not told (None) is no number: without it nothing has grown.

    Args:
        told: How many there are now.
        known: How many there were.
        others: Further numbers that it must exceed, where they are known.
    """
    return told is not None and known is not None and told > max(known, *(other or 0 for other in others), 0)


def growth(shown: Mapping[str, int], before: Mapping[str, int], received: Mapping[str, int]) -> str:
    """
    Say in words how a study has grown, empty when it has not.

    Args:
        shown: What the PACS shows now: instances by SeriesInstanceUID, 0 where they were not counted.
        before: The same of earlier looks and of the time of the pull.
        received: Instances that came, by SeriesInstanceUID, 0 for a series of which none were wanted.
    """
    known = {*before, *received}
    new = [uid for uid in shown if uid != WHOLE and uid not in known]
    if new and known - {WHOLE}:  # otherwise this is the first that is seen of them
        return f"{len(new)} new series: {', '.join(new)}"
    larger = (_larger(uid, count, before, received) for uid, count in shown.items())
    return next((words for words in larger if words), "")


def _larger(uid: str, count: int, before: Mapping[str, int], received: Mapping[str, int]) -> str:
    most = max(before.get(uid, 0), received.get(uid, 0))
    if not has_grown(count, most or None):
        return ""
    what = f"series {uid}" if uid else "the study"
    return f"{what} has {count} instances, {most} before"
