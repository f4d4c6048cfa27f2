"""What becomes of a study that is taken to be received: decided over plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..dicom.attributes import SeriesFacts
from ..rules.choice import Candidate, Choice, HandedOver, choose, judge_resend
from ..rules.filters import Verdict
from ..rules.reconstruction import candidate_here
from ..rules.switches import Switches
from ..wire.messages import PullRequest, SeriesReport
from .completeness import COMPLETE, SHORT, Completeness, Expectations
from .judged import Judged
from .needed_series import Arrived, Outlook, is_radiography, look_ahead, only_ct

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


@dataclass(frozen=True)
class Asked:
    """
    What was asked for.

    Args:
        request: With what the PACS announced; None: images that came unasked and that no PACS knows.
        final: What is here goes on even if it is short.
        forced: Handed over even if nothing is new.
        reception: The number of the reception.
    """

    request: PullRequest | None = None
    final: bool = False
    forced: bool = False
    reception: int | None = None


def expectations(request: PullRequest | None) -> Expectations:
    """What the PACS announced of that which was pulled: a pull of single series cannot be held to the count of the study."""
    if request is None:
        return Expectations()
    series = {**request.expected_series, **{uid: len(set(uids)) for uid, uids in request.expected_instances.items()}}
    if request.level == "STUDY":
        return Expectations(series, request.expected)
    return Expectations({uid: count for uid, count in series.items() if uid in request.series_uids})


def announced_series(request: PullRequest | None) -> dict[str, SeriesFacts]:
    """What the PACS says of the series that are to come."""
    if request is None:
        return {}
    counts = expectations(request).series
    uids = {*counts, *(request.series_uids if request.level == "SERIES" else request.announced)} - set(request.filtered)
    return {uid: SeriesFacts(uid, request.announced.get(uid, {}), counts.get(uid)) for uid in uids}


def outlook(
    counts: Mapping[str, int], judged: Mapping[str, Judged], request: PullRequest | None, ended: bool, switches: Switches
) -> Outlook:
    """Which series must be whole; one that is here and could not be judged yet counts as to come."""
    here = {uid: Arrived(one.facts, one.verdict.taken, counts[uid]) for uid, one in judged.items() if counts.get(uid)}
    announced = announced_series(request)
    unread = {uid: SeriesFacts(uid, {}, None) for uid in counts.keys() - here.keys() - announced.keys()}
    named = frozenset(request.skip_filter) if request else frozenset()
    return look_ahead(here, {**announced, **unread}, named, bool(request and request.dx), ended, switches)


def decide(
    counts: Mapping[str, int],
    judged: Mapping[str, Judged],
    completeness: Completeness,
    asked: Asked,
    last: HandedOver | None,
    switches: Switches,
) -> Decision:
    """
    Decide what becomes of the images.

    Args:
        counts: Instances here by SeriesInstanceUID.
        judged: The series with their verdicts.
        completeness: As judged.
        asked: The pull, or what is known without one.
        last: What was handed over last.
        switches: The site's.
    """
    request = asked.request
    if not counts:
        return Decision(FAILED, "no image came")
    if completeness.verdict == SHORT and not asked.final:
        return Decision(SHORT_OUTCOME, completeness.words)
    modalities = [one.facts.modality for one in judged.values()]
    dx = is_radiography(modalities, bool(request and request.dx), switches)
    expected = expectations(request).series if completeness.verdict == COMPLETE else {}
    candidates = _candidates(counts, expected, judged, dx, switches)
    if not candidates:
        return Decision(FILTERED, "every series was filtered out", dx)
    choice = _as_received(choose(candidates, dx, switches), counts)
    resend = judge_resend(choice, last, dx, asked.forced, switches, asked.reception)
    return Decision(RECEIVED if resend.send else NOTHING_NEW, f"{choice.why}; {resend.why}", dx, choice)


def _candidates(
    counts: Mapping[str, int], expected: Mapping[str, int], judged: Mapping[str, Judged], dx: bool, switches: Switches
) -> list[Candidate]:
    """Where the study is complete a series that is still arriving counts as what it will be."""
    taken = {uid: one.facts for uid, one in judged.items() if one.verdict.taken and counts.get(uid, 0) > 0}
    found = [
        candidate_here(facts, max(counts[uid], expected.get(uid, 0)), switches, final=True) for uid, facts in taken.items()
    ]
    return found if dx else only_ct(found, taken, switches)


def _as_received(choice: Choice, counts: Mapping[str, int]) -> Choice:
    return Choice(tuple(replace(one, instances=counts[one.series_uid]) for one in choice.series), choice.why)


def series_reports(
    counts: Mapping[str, int], judged: Mapping[str, Judged], request: PullRequest | None, expected: Expectations
) -> tuple[SeriesReport, ...]:
    """A report for every series: those here, those dropped at find and those that were announced and did not come."""
    at_find = request.filtered if request else {}
    uids = sorted({*counts, *judged, *at_find, *expected.series})
    return tuple(_report(uid, counts.get(uid, 0), judged.get(uid), at_find.get(uid), expected.series.get(uid)) for uid in uids)


def _report(uid: str, received: int, judged: Judged | None, at_find: Verdict | None, in_pacs: int | None) -> SeriesReport:
    if judged is None:
        verdict = at_find or Verdict(False, "missing", "", "no image came")
        stage = "find" if at_find else ""
        return SeriesReport(uid, False, verdict.rule, verdict.because, received, in_pacs, verdict=verdict, stage=stage)
    verdict = judged.verdict
    return SeriesReport(
        series_uid=uid,
        taken=verdict.taken,
        rule=verdict.rule,
        because=verdict.because,
        received=received,
        in_pacs=in_pacs,
        modality=judged.facts.modality,
        series_description=judged.facts.text("SeriesDescription"),
        verdict=verdict,
        stage="find" if judged.at_find else "reception",
    )
