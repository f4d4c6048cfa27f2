"""Why the series of a study were dropped, in one sentence: equal reasons are counted and not repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

MAX_REASONS = 4


def grouped(reasons: Iterable[str], at_most: int = MAX_REASONS) -> str:
    """
    Put reasons together, the most frequent first.

    Args:
        reasons: One for each series, as in ``Verdict.because``; empty ones are left out.
        at_most: So many different ones are named, the rest counted.

    Returns:
        ``2 x BodyPartExamined HEAD; SliceThickness 8; 3 more``, or an empty text.
    """
    counts = Counter(reason for reason in reasons if reason).most_common()
    named = [f"{number} x {reason}" if number > 1 else reason for reason, number in counts[:at_most]]
    rest = sum(number for _, number in counts[at_most:])
    return "; ".join([*named, *([f"{rest} more"] if rest else [])])
