"""How many images of a series are missing, by their InstanceNumbers."""

from __future__ import annotations


def holes(numbers: list[int | None]) -> int:
    """How many InstanceNumbers are missing between the first and the last."""
    known = {number for number in numbers if number is not None}
    return max(known) - min(known) + 1 - len(known) if known else 0
