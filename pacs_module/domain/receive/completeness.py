"""Completeness: is our copy of a series the PACS's copy? (M15, M16)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

COMPLETE = "COMPLETE"
UNVERIFIED = "UNVERIFIED"
SHORT = "SHORT"
MORE = "MORE"
GROWING = "GROWING"


@dataclass(frozen=True)
class Expectations:
    """
    What the PACS announced before the pull.

    Args:
        series: Instances by SeriesInstanceUID, empty when the PACS told none.
        study: Instances of the whole study, None when not told.
        uncounted: Series that the PACS named without a count: at least one image of each has to come.
    """

    series: Mapping[str, int] = field(default_factory=dict)
    study: int | None = None
    uncounted: frozenset[str] = frozenset()

    def may_have_more_series(self, here: int) -> bool:
        """
        Whether the study has more images than its series, all of them counted, and than are ``here``: a list
        of series may be cut, too.
        """
        counted = bool(self.series) and not self.uncounted
        return counted and (self.study or 0) > max(sum(self.series.values()), here)

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
        """All there, no less and no more."""
        return self.received == self.expected

    @property
    def short(self) -> bool:
        """Images are missing."""
        return self.received < self.expected


@dataclass(frozen=True)
class Completeness:
    """
    ``verdict``: COMPLETE, SHORT, MORE, UNVERIFIED, or GROWING (images may still come).

    ``checks``: the comparisons behind it; ``absent``: series that the PACS named and of which nothing came.
    """

    verdict: str
    checks: tuple[Check, ...] = ()
    absent: tuple[str, ...] = ()
    named: int = 0

    @property
    def words(self) -> str:
        """
        ``COMPLETE``, ``UNVERIFIED``, ``SHORT n of m``, ``MORE n of m``, or ``SHORT n of m series`` where
        nobody counted.
        """
        if self.verdict not in (SHORT, MORE):
            return self.verdict
        if self.absent and not any(check.short for check in self.checks):
            return f"{SHORT} {self.named - len(self.absent)} of {self.named} series"
        counted = self._counted
        received = sum(
            check.received if self.verdict == MORE else min(check.received, check.expected)
            for check in counted
        )
        return f"{self.verdict} {received} of {sum(check.expected for check in counted)}"

    @property
    def _counted(self) -> tuple[Check, ...]:
        """
        Whose numbers are told: the study's where it differs, for its images are those of the series, too.
        """
        differing = [
            check for check in self.checks if not check.ok and check.short == (self.verdict == SHORT)
        ]
        of_study = tuple(check for check in differing if check.scope == "study")
        return of_study or tuple(check for check in self.checks if check.scope == "series")


def judge_completeness(
    study_uid: str,
    expected: Expectations,
    received: Mapping[str, int],
    needed: frozenset[str],
    ended: bool,
    total: int | None = None,
) -> Completeness:
    """
    Compare what was received with what the PACS announced.

    Series counts decide where they are known, and of them only those that matter, so that a PACS that
    announces objects it never sends keeps nothing waiting. Without them the count of the study decides, and
    so it does where no series matters and the series that were named are not the whole study. A series that
    matters and that nobody counted is proved only by a study that is here to the last image, no less and no
    more.

    Args:
        study_uid: StudyInstanceUID, for the check of the whole study.
        expected: What the PACS announced.
        received: Images here by SeriesInstanceUID, each SOPInstanceUID once.
        needed: SeriesInstanceUIDs that must be whole (``needed_series.py``).
        ended: Whether no more images can come: the move has ended, and without counts it has been quiet for
            StableAge.
        total: Images of the study; None: the sum over its series (one image may lie in two).

    Returns:
        COMPLETE as soon as it is proved; otherwise GROWING until ``ended``, then SHORT, MORE, or UNVERIFIED
        without counts.
    """
    expected = _told(expected) if received else expected
    here = sum(received.values()) if total is None else total
    of_study = () if expected.study is None else (Check("study", study_uid, expected.study, here),)
    absent = _absent(expected, received, needed)
    checks, proved = _checks(expected, received, needed, of_study)
    early = ended or not expected.series or bool(needed)
    if received and proved and not absent and early:
        return Completeness(COMPLETE, checks)
    verdict = GROWING
    if ended:
        verdict = _at_the_end(checks, bool(absent) or (expected.known and not received))
    return Completeness(verdict, checks, absent, len(needed or expected.uncounted))


def _absent(expected: Expectations, received: Mapping[str, int], needed: frozenset[str]) -> tuple[str, ...]:
    """Series that were named and not counted, have to come, and of which nothing is here."""
    has_to_come = expected.uncounted & needed if received else expected.uncounted
    return tuple(sorted(uid for uid in has_to_come if not received.get(uid)))


def _at_the_end(checks: tuple[Check, ...], lacking: bool) -> str:
    """Nothing more comes and nothing proved that all is here."""
    if lacking or any(check.short for check in checks):
        return SHORT
    return MORE if any(not check.ok for check in checks) else UNVERIFIED


def _told(expected: Expectations) -> Expectations:
    """
    A count of 0, or below, is what some PACS say that do not count: the series was named, and nobody counted
    it.
    """
    of_study = expected.study if expected.study and expected.study > 0 else None
    counted = {uid: count for uid, count in expected.series.items() if count > 0}
    if of_study == expected.study and len(counted) == len(expected.series):
        return expected
    named = expected.uncounted | (expected.series.keys() - counted.keys())
    return replace(expected, series=counted, study=of_study, uncounted=named)


def _checks(
    expected: Expectations, received: Mapping[str, int], needed: frozenset[str], of_study: tuple[Check, ...]
) -> tuple[tuple[Check, ...], bool]:
    """The comparisons, and whether they prove that all is here."""
    if not expected.series:
        return of_study, bool(of_study) and of_study[0].ok
    whole = needed if received else frozenset(expected.series)
    checks = tuple(
        Check("series", uid, count, received.get(uid, 0))
        for uid, count in sorted(expected.series.items())
        if uid in whole
    )
    counted = all(check.ok for check in checks)
    if needed and needed <= expected.series.keys():
        return checks, counted
    if not needed and sum(expected.series.values()) >= (expected.study or 0):
        return checks, counted
    # Nobody counted what matters, or nothing that came matters and the PACS has more than it named.
    return (*checks, *of_study), counted and (not of_study or of_study[0].ok) and (
        bool(of_study) or not needed
    )
