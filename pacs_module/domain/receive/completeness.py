"""Completeness: is our copy of a series the PACS's copy? (M15, M16)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

COMPLETE = "COMPLETE"
UNVERIFIED = "UNVERIFIED"
SHORT = "SHORT"
GROWING = "GROWING"


@dataclass(frozen=True)
class Expectations:
    """
    What the PACS announced before the pull.

    ``series``: instances by SeriesInstanceUID, empty when the PACS told none; ``study``: instances of the whole study, None
    when not told.
    """

    series: Mapping[str, int] = field(default_factory=dict)
    study: int | None = None

    @property
    def known(self) -> bool:
        """Whether there is anything to count against."""
        return bool(self.series) or self.study is not None


@dataclass(frozen=True)
class Check:
    """One comparison: ``scope`` is ``series`` or ``study``, ``uid`` its UID, numbers of instances."""

    scope: str
    uid: str
    expected: int
    received: int

    @property
    def ok(self) -> bool:
        """All there."""
        return self.received >= self.expected


@dataclass(frozen=True)
class Completeness:
    """``verdict``: COMPLETE, SHORT, UNVERIFIED, or GROWING (images may still come); ``checks``: the comparisons behind it."""

    verdict: str
    checks: tuple[Check, ...] = ()

    @property
    def words(self) -> str:
        """``COMPLETE``, ``UNVERIFIED`` or ``SHORT n of m``."""
        if self.verdict != SHORT:
            return self.verdict
        received = sum(min(check.received, check.expected) for check in self.checks)
        return f"{SHORT} {received} of {sum(check.expected for check in self.checks)}"


def judge_completeness(
    study_uid: str, expected: Expectations, received: Mapping[str, int], needed: frozenset[str], ended: bool
) -> Completeness:
    """
    Compare what was received with what the PACS announced.

    Series counts decide where they are known, and of them only those that matter, so that a PACS that announces objects it
    never sends keeps nothing waiting. Without them the count of the study decides. A series that matters and that nobody
    counted is proved only by a study that is here to the last image, no less and no more.

    Args:
        study_uid: StudyInstanceUID, for the check of the whole study.
        expected: What the PACS announced.
        received: Instances here by SeriesInstanceUID.
        needed: SeriesInstanceUIDs that must be whole (``outlook.py``).
        ended: Whether no more images can come: the move has ended, and without counts it has been quiet for StableAge.

    Returns:
        COMPLETE as soon as it is proved; otherwise GROWING until ``ended``, then SHORT, or UNVERIFIED without counts.
    """
    checks, proved = _checks(study_uid, expected, received, needed)
    if received and proved and (ended or not expected.series or needed):
        return Completeness(COMPLETE, checks)
    if not ended:
        return Completeness(GROWING, checks)
    short = any(not check.ok for check in checks) or (expected.known and not received)
    return Completeness(SHORT if short else UNVERIFIED, checks)


def _checks(
    study_uid: str, expected: Expectations, received: Mapping[str, int], needed: frozenset[str]
) -> tuple[tuple[Check, ...], bool]:
    """The comparisons, and whether they prove that all is here."""
    total = sum(received.values())
    of_study = [] if expected.study is None else [Check("study", study_uid, expected.study, total)]
    if not expected.series:
        return tuple(of_study), any(check.ok for check in of_study)
    whole = needed if received else frozenset(expected.series)
    checks = tuple(
        Check("series", uid, count, received.get(uid, 0)) for uid, count in sorted(expected.series.items()) if uid in whole
    )
    counted = all(check.ok for check in checks)
    if needed <= expected.series.keys():
        return checks, counted
    return (*checks, *of_study), counted and total == expected.study
