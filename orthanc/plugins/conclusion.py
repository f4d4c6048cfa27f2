"""What becomes of a study that is taken to be received: decided over plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pacs_module.domain.choice import Candidate, Choice, HandedOver, choose, judge_resend
from pacs_module.domain.completeness import SHORT, Completeness, Expectations
from pacs_module.domain.filters import Verdict, is_dx
from pacs_module.domain.messages import PullRequest, SeriesReport
from pacs_module.domain.switches import Switches
from pacs_module.domain.values import parse_thickness
from reception_rows import Judged

RECEIVED = "received"
SHORT_OUTCOME = "short"
FAILED = "failed"
FILTERED = "filtered"
NOTHING_NEW = "nothing_new"


@dataclass(frozen=True)
class Decision:
    """``outcome`` as in a pull report; ``choice`` is what to hand over (or, with NOTHING_NEW, what is not worth it)."""

    outcome: str
    why: str
    dx: bool = False
    choice: Choice | None = None


def expectations(request: PullRequest | None) -> Expectations:
    """What the PACS announced of that which was pulled: a pull of single series cannot be held to the count of the study."""
    if request is None:
        return Expectations()
    if request.level == "STUDY":
        return Expectations(request.expected_series, request.expected)
    return Expectations({uid: count for uid, count in request.expected_series.items() if uid in request.series_uids})


def filtered_series(judged: Mapping[str, Judged], request: PullRequest | None) -> frozenset[str]:
    """Series that the rules dropped, here or at find; a series that a person named is never among them."""
    dropped = {uid for uid, one in judged.items() if not one.verdict.taken}
    if request is not None:
        dropped |= set(request.filtered) - set(request.skip_filter)
    return frozenset(dropped)


def decide(
    counts: Mapping[str, int],
    judged: Mapping[str, Judged],
    completeness: Completeness,
    request: PullRequest | None,
    last: HandedOver | None,
    switches: Switches,
) -> Decision:
    """
    Decide what becomes of the images.

    Args:
        counts: Instances here by SeriesInstanceUID.
        judged: The series with their verdicts.
        completeness: As judged.
        request: The pull, None for images that came unasked.
        last: What was handed over last.
        switches: The site's.
    """
    if not counts:
        return Decision(FAILED, "no image came")
    if completeness.verdict == SHORT and not (request and request.final):
        return Decision(SHORT_OUTCOME, completeness.words)
    dx = _is_dx(judged, request, switches)
    candidates = _candidates(counts, judged, dx, switches)
    if not candidates:
        return Decision(FILTERED, "every series was filtered out", dx)
    choice = choose(candidates, dx, switches)
    resend = judge_resend(choice, last, dx, bool(request and request.forced), switches)
    return Decision(RECEIVED if resend.send else NOTHING_NEW, f"{choice.why}; {resend.why}", dx, choice)


def _is_dx(judged: Mapping[str, Judged], request: PullRequest | None, switches: Switches) -> bool:
    modalities = [one.facts.modality for one in judged.values()]
    if any(modality in switches.ct_modalities for modality in modalities):
        return False
    return is_dx(modalities, switches) or bool(request and request.dx)


def _candidates(counts: Mapping[str, int], judged: Mapping[str, Judged], dx: bool, switches: Switches) -> list[Candidate]:
    taken = [one.facts for uid, one in judged.items() if one.verdict.taken and counts.get(uid, 0) > 0]
    ct = [facts for facts in taken if facts.modality in switches.ct_modalities]
    return [
        Candidate(
            facts.series_uid,
            parse_thickness(facts.text("SliceThickness")),
            counts[facts.series_uid],
            facts.text("ConvolutionKernel"),
        )
        for facts in (taken if dx or not ct else ct)
    ]


def series_reports(
    counts: Mapping[str, int], judged: Mapping[str, Judged], request: PullRequest | None, expected: Expectations
) -> tuple[SeriesReport, ...]:
    """A report for every series: those here, those dropped at find and those that were announced and did not come."""
    at_find = request.filtered if request else {}
    uids = sorted({*counts, *judged, *at_find, *expected.series})
    return tuple(_report(uid, counts.get(uid, 0), judged.get(uid), at_find.get(uid), expected.series.get(uid)) for uid in uids)


def _report(uid: str, received: int, judged: Judged | None, at_find: str | None, in_pacs: int | None) -> SeriesReport:
    if judged is None:
        verdict = Verdict(False, "find", "", at_find) if at_find is not None else Verdict(False, "missing", "", "no image came")
        return SeriesReport(uid, False, verdict.rule, verdict.because, received, in_pacs)
    description = judged.facts.text("SeriesDescription")
    verdict = judged.verdict
    return SeriesReport(uid, verdict.taken, verdict.rule, verdict.because, received, in_pacs, judged.facts.modality, description)
