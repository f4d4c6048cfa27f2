"""Stability: has a study stopped growing at the PACS? (M11)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..dicom.attributes import Sighting

UNCHANGED_COUNT = "unchanged_count"
FIXED_DELAY = "fixed_delay"


@dataclass(frozen=True)
class StabilityPolicy:
    """
    ``rule``: UNCHANGED_COUNT or FIXED_DELAY; ``delay``: for the fixed rule, and for a PACS that gives no
    counts.
    """

    rule: str = UNCHANGED_COUNT
    delay: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Stability:
    """``verdict``: STABLE, GROWING, TOO_EARLY or NO_COUNT; ``why`` in words with the numbers that decided."""

    verdict: str
    why: str

    @property
    def stable(self) -> bool:
        """Whether the study may be pulled."""
        return self.verdict == "STABLE"


def judge_stability(history: Sequence[Sighting], policy: StabilityPolicy, now: int) -> Stability:
    """
    Say whether a study has stopped growing at the PACS.

    The PACS announces no end of a study; the instance count of repeated C-FINDs is all there is
    (NumberOfStudyRelatedInstances (0020,1208), PS3.4 C.6.2.1.2, optional).

    Args:
        history: Sightings of one study at one PACS, oldest first, at least one.
        policy: Which rule, and the delay.
        now: Epoch milliseconds.

    Returns:
        STABLE, GROWING, TOO_EARLY (the delay is not over) or NO_COUNT (no count and the delay is not over).
    """
    last = history[-1]
    age = timedelta(milliseconds=now - history[0].at)
    counts = last.count is not None and (last.count > 0 or age < policy.delay)  # 0: it does not count
    if policy.rule == FIXED_DELAY or not counts:
        return _by_age(last.count, age, policy)
    if len(history) == 1:
        return Stability("TOO_EARLY", f"seen once, with {last.count} instances")
    return _by_two_finds(history, policy, now)


def _by_two_finds(history: Sequence[Sighting], policy: StabilityPolicy, now: int) -> Stability:
    """By the last two of them, both with a count."""
    before, last = history[-2].count, history[-1]
    if last.count and last.count == before:
        return Stability("STABLE", f"{last.count} instances in two finds")
    growing = Stability("GROWING", f"{before} instances, then {last.count}")
    return _largest_stands(history, policy, now) or growing


def _by_age(count: int | None, age: timedelta, policy: StabilityPolicy) -> Stability:
    """Where no count tells, or none shall."""
    if age >= policy.delay:
        return Stability("STABLE", f"first seen {age} ago, delay {policy.delay}")
    verdict = "NO_COUNT" if count is None else "TOO_EARLY"
    return Stability(verdict, f"first seen {age} ago, to be pulled after {policy.delay}")


def _largest_stands(history: Sequence[Sighting], policy: StabilityPolicy, now: int) -> Stability | None:
    """
    Stable although the count changes: some PACS tell a study now with more and now with fewer instances.

    Nothing has come when the largest number was told twice, or when nothing larger was told for the policy's
    delay.
    """
    largest = max(sighting.count or 0 for sighting in history)
    told = [sighting for sighting in history if sighting.count == largest]
    if not largest:
        return None
    if len(told) > 1:
        return Stability("STABLE", f"{largest} instances in two finds, fewer between them")
    since = timedelta(milliseconds=now - told[0].at)
    return (
        Stability("STABLE", f"never more than {largest} instances for {since}")
        if since >= policy.delay
        else None
    )
