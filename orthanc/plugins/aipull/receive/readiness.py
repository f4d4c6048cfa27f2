"""
Can a study be concluded? By numbers alone at first, then by whose images they are, then against what the PACS
has (K1, K3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import (
    COMPLETE,
    GROWING,
    MORE,
    UNVERIFIED,
    Completeness,
    Expectations,
    judge_completeness,
)
from pacs_module.domain.receive.decision import Asked, expectations, needed_series_of, updated
from pacs_module.domain.receive.provenance import Provenance, missing_of
from pacs_module.domain.receive.why_open import OpenReason, WhyOpen
from pacs_module.domain.rules.switches import Switches

from ..journal.pulls import Pull, PullRows
from .arriving_study import ArrivingStudy
from .conclude import Received
from .count_again import CountAgain
from .identify import Identified, Identify
from .judge_series import Judge


@dataclass(frozen=True)
class OpenStudy:
    """
    A study that is not concluded yet, as it is judged now.

    Args:
        arrival: What is here.
        asked: What was asked for.
        pull: The pull that it came in; None: unasked, or after its end.
        expected: What the PACS announced, or has now.
        ended: Whether nothing arrives any more.
    """

    arrival: ArrivingStudy
    asked: Asked
    pull: Pull | None
    expected: Expectations
    ended: bool

    @classmethod
    def of(cls, arrival: ArrivingStudy, asked: Asked, pull: Pull | None, ended: bool) -> OpenStudy:
        """Of what was announced."""
        return cls(arrival, asked, pull, expectations(asked.request), ended)

    @property
    def request(self) -> PullRequest | None:
        """What was asked of the PACS."""
        return self.asked.request

    def waits(self, reason: OpenReason, words: str, waits_for: str) -> None:
        """Note why it is not concluded now, for whoever asks."""
        self.arrival.why_open = WhyOpen(reason, words, waits_for)


@dataclass(frozen=True)
class Readiness:
    """
    Says whether a study can be concluded; what it still waits for is noted at the study (``why_open``).

    Args:
        pulls: The journal's.
        judge: The filter.
        identify: Whose images they are.
        count_again: Asks the PACS once more about a pull that began early.
        switches: In force at the start: for a study that nothing was judged of yet.
    """

    pulls: PullRows
    judge: Judge
    identify: Identify
    count_again: CountAgain
    switches: Switches

    def received(self, study: OpenStudy) -> Received | None:
        """The study as it can be concluded now; None: something is still to come, ``why_open`` says what."""
        needed = self._needed(study, study.arrival.counts)
        # By numbers alone at first: Orthanc is asked for every image only when all of them may be here.
        if _is_growing(study, needed):
            return None
        found = self._found(study)
        if found is None:
            return None
        # Where the first images speak against every series all of them are looked at: one image does not
        # speak for a series.
        only = None if study.ended else needed or None
        self.judge.last_word(study.arrival, found, study.request, only)
        return self._compared(study, found)

    def _compared(self, study: OpenStudy, found: Identified) -> Received | None:
        """Compare it with what the PACS has, asked again where that may be another number by now."""
        completeness = self.completeness(study, found)
        if completeness.verdict == MORE and found.word is None and not study.arrival.row.is_push:
            asked = self._found(study, ask=True)
            if asked is None:
                return None
            found = asked
        if completeness.verdict == MORE and found.word is not None:
            study = replace(study, expected=updated(study.expected, found.word))
            completeness = self.completeness(study, found)
        if completeness.verdict == COMPLETE:
            now = self._expected_now(study)
            if now is None:
                return None
            if now != study.expected:
                study = replace(study, expected=now)
                completeness = self.completeness(study, found)
        if completeness.verdict == GROWING:
            study.waits(
                OpenReason.SERIES_INCOMPLETE, "its own images are not all here", "the end of the pull"
            )
            return None
        return self._as_received(study, found, completeness)

    def _as_received(self, study: OpenStudy, found: Identified, completeness: Completeness) -> Received:
        arrival, counts = study.arrival, found.provenance.counts
        return Received(
            arrival,
            study.pull,
            study.asked,
            study.expected,
            completeness,
            found,
            usable={uid: self.judge.usable(arrival, found, uid) for uid in counts},
            needed=None if study.ended else self._needed(study, counts),
        )

    def _expected_now(self, study: OpenStudy) -> Expectations | None:
        """What the PACS has now, where the pull began early; None while it is being asked."""
        now = self.count_again.expected(study.pull, study.expected)
        if now is None:
            words = "the pull began when its series had only just stopped growing"
            study.waits(OpenReason.PACS_ASKED, words, "how many images the PACS has now")
        return now

    def _needed(self, study: OpenStudy, counts: Mapping[str, int]) -> frozenset[str]:
        """Series that must be whole before the study is concluded, of these images here."""
        arrival = study.arrival
        rules = arrival.rules or self.switches
        return needed_series_of(counts, arrival.judged, study.request, study.ended, rules).needed

    def _found(self, study: OpenStudy, ask: bool = False) -> Identified | None:
        """Whose images are here; None while that is an open question."""
        arrival, pull = study.arrival, study.pull
        came_in = pull or (None if arrival.row.is_push else self.pulls.last(arrival.row.study_uid))
        found = self.identify(arrival, study.asked, came_in, study.expected, study.ended, ask)
        if found.waiting:
            pacs = study.request.pacs if study.request is not None else "the PACS"
            study.waits(OpenReason.PACS_ASKED, f"{pacs} is asked whose images these are", "its answer")
            return None
        if came_in is not None and not study.ended and not found.clear:
            words = "there are images whose sender or PatientID is in question"
            study.waits(OpenReason.SENDER_UNKNOWN, words, "the end of the pull; then the PACS is asked")
            return None
        return found

    def completeness(self, study: OpenStudy, found: Identified) -> Completeness:
        """
        Whether the PACS's own images are all here; never COMPLETE of images that may be somebody else's.
        """
        counts, provenance = _matched(found, study.request), found.provenance
        needed, total = self._needed(study, counts), _total(provenance, counts)
        uid = study.arrival.row.study_uid
        judged = judge_completeness(uid, study.expected, counts, needed, study.ended, total)
        missing = missing_of(provenance, uid, _dropped(study.arrival))
        if study.ended and missing is not None:
            return judged if any(check.short for check in judged.checks) else missing
        if judged.verdict == COMPLETE and not provenance.certain:
            return Completeness(UNVERIFIED, judged.checks)
        return judged


def _is_growing(study: OpenStudy, needed: frozenset[str]) -> bool:
    """Whether images are missing by the numbers alone; ``why_open`` says of which series."""
    arrival, expected = study.arrival, study.expected
    quick = _quick_counts(arrival, study.request)
    judged = judge_completeness(arrival.row.study_uid, expected, quick, needed, study.ended)
    if judged.verdict != GROWING:
        return False
    missing = sorted(uid for uid in needed if quick.get(uid, 0) < expected.series.get(uid, 1))
    words = f"series {', '.join(missing[:3])} not whole" if missing else "images missing"
    arrival.lacks = _lacks(expected, quick, missing)
    study.waits(OpenReason.SERIES_INCOMPLETE, words, "the images, or the end of the pull")
    return True


def _dropped(arrival: ArrivingStudy) -> frozenset[str]:
    """Series that the filter does not take."""
    return frozenset(uid for uid, one in arrival.judged.items() if not one.verdict.taken)


def _lacks(expected: Expectations, counts: Mapping[str, int], missing: Iterable[str]) -> int:
    """Images that were announced and have not come, of these series or else of the study."""
    of_series = sum(max(expected.series.get(uid, 0) - counts.get(uid, 0), 0) for uid in missing)
    return of_series or max((expected.study or 0) - sum(counts.values()), 0)


def _quick_counts(arrival: ArrivingStudy, request: PullRequest | None) -> dict[str, int]:
    """
    Copies here by SeriesInstanceUID; of a series whose SOPInstanceUIDs are known no more than those are.
    """
    counts = arrival.counts
    for uid, wanted in (request.expected_instances if request else {}).items():
        if uid in counts:
            counts[uid] = min(counts[uid], len(set(wanted)))
    return counts


def _matched(found: Identified, request: PullRequest | None) -> dict[str, int]:
    """
    Images by SeriesInstanceUID; of a series whose SOPInstanceUIDs are known only those, as long as one of
    them is missing.
    """
    counts = found.provenance.counts
    for uid, uids in (request.expected_instances if request else {}).items():
        here, wanted = found.sop_uids(uid), set(uids)
        if uid in counts and not wanted <= here:
            counts[uid] = len(wanted & here)
    return counts


def _total(provenance: Provenance, counts: dict[str, int]) -> int:
    """Images of the study, one that lies in two series once."""
    twice = sum(provenance.counts.values()) - provenance.total
    return sum(counts.values()) - twice
