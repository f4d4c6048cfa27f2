"""What becomes of a study that is taken to be received: decided over plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..dicom.attributes import FRAMES, SeriesFacts
from ..json_messages.messages import PullRequest
from ..json_messages.uid_syntax import is_uid
from ..rules.choice import Candidate, Choice, HandedOver, choose, decided_by, judge_resend
from ..rules.kernel_and_contrast import candidate_here
from ..rules.reasons import grouped
from ..rules.switches import Switches
from ..rules.verdict import Verdict
from .completeness import COMPLETE, SHORT, UNVERIFIED, Completeness, Expectations
from .image_origin import PacsWord
from .judged import Judged
from .needed_series import Arrived, NeededSeries, is_radiography, needed_series, only_ct

RECEIVED = "received"
SHORT_OUTCOME = "short"
FAILED = "failed"
FILTERED = "filtered"
NOTHING_NEW = "nothing_new"
MISSING_RULE = "missing"
UNREADABLE = Verdict(False, "unreadable", "", "images came that cannot be read")


@dataclass(frozen=True)
class Decision:
    """
    What becomes of a study.

    Args:
        outcome: As in a pull report.
        why: In words.
        dx: Whether it is radiography.
        choice: What to hand over (or, with NOTHING_NEW, what is not worth it).
        kept_back: Why a series that passed the filter is not handed over, by SeriesInstanceUID.
        before: Series that an earlier hand-over has, where this one is not worth it.
    """

    outcome: str
    why: str
    dx: bool = False
    choice: Choice | None = None
    kept_back: Mapping[str, str] = field(default_factory=dict)
    before: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """
    What was asked for.

    Args:
        request: With what the PACS announced; None: images that came unasked and that no PACS knows.
        final: What is here goes on even if it is short.
        forced: Handed over even if nothing is new.
        reception: The number of the reception.
        failed: Why the job of the pull failed; empty when it did not, and for images without a pull.
    """

    request: PullRequest | None = None
    final: bool = False
    forced: bool = False
    reception: int | None = None
    failed: str = ""


def expectations(request: PullRequest | None) -> Expectations:
    """
    What the PACS announced of that which was pulled, at any level.

    A pull of single series cannot be held to the count of the study. A series that was named without a count
    has to come, too.
    """
    if request is None:
        return Expectations()
    series = _announced_counts(request)
    # What is no UID can never come, whatever an answer said.
    named = {uid for uid in (*request.announced, *request.series_uids) if is_uid(uid)} - set(request.filtered)
    if request.level == "STUDY":
        return Expectations(series, request.expected, frozenset(named - series.keys()))
    counted = {uid: count for uid, count in series.items() if uid in request.series_uids}
    return Expectations(counted, uncounted=frozenset(named & set(request.series_uids) - counted.keys()))


def _announced_counts(request: PullRequest) -> dict[str, int]:
    """Images by SeriesInstanceUID; where they are listed one by one the list counts."""
    told = dict(request.expected_series)
    for uid, uids in request.expected_instances.items():
        told[uid] = len(set(uids))
    return {uid: count for uid, count in told.items() if is_uid(uid)}


def updated(expected: Expectations, word: PacsWord) -> Expectations:
    """
    What the PACS has now that it was asked again; what it does not tell stays as it was announced.

    It had as many as it announced: a smaller number is one of two that it tells in turn, or a list that is
    cut.
    """
    if expected.study is None and not expected.series:
        return expected
    now = _largest(expected.series, word.series, {uid: len(uids) for uid, uids in word.sop_uids.items()})
    if expected.study is None:  # single series were pulled
        return replace(expected, series={uid: now[uid] for uid in expected.series})
    series = now if expected.series else {}
    return replace(expected, series=series, study=max(word.study or 0, expected.study))


def _largest(*counts: Mapping[str, int]) -> dict[str, int]:
    """Of each UID the largest count."""
    uids = {uid for told in counts for uid in told}
    return {uid: max(told.get(uid, 0) for told in counts) for uid in uids}


def announced_series(request: PullRequest | None) -> dict[str, SeriesFacts]:
    """What the PACS says of the series that are to come."""
    if request is None:
        return {}
    counts = expectations(request).series
    uids = {*counts, *(request.series_uids if request.level == "SERIES" else request.announced)} - set(
        request.filtered
    )
    return {uid: SeriesFacts(uid, request.announced.get(uid, {}), counts.get(uid)) for uid in uids}


def needed_series_of(
    counts: Mapping[str, int],
    judged: Mapping[str, Judged],
    request: PullRequest | None,
    ended: bool,
    switches: Switches,
) -> NeededSeries:
    """Which series must be whole; one that is here and could not be judged yet counts as to come."""
    arrived = {uid: one for uid, one in judged.items() if counts.get(uid)}
    here = {uid: Arrived(one.facts, one.verdict.taken, counts[uid]) for uid, one in arrived.items()}
    announced = announced_series(request)
    unread = {uid: SeriesFacts(uid, {}, None) for uid in counts.keys() - here.keys() - announced.keys()}
    if request is not None and request.for_destinations:
        return NeededSeries(frozenset(announced), "", True)  # what lies here beside them is not theirs
    named = frozenset(request.skip_filter) if request else frozenset()
    return needed_series(here, {**announced, **unread}, named, bool(request and request.dx), ended, switches)


def decide(
    counts: Mapping[str, int],
    judged: Mapping[str, Judged],
    completeness: Completeness,
    asked: Asked,
    last: HandedOver | None,
    switches: Switches,
    usable: Mapping[str, int] | None = None,
    patient_ids: Sequence[str] = (),
) -> Decision:
    """
    Decide what becomes of the images.

    Args:
        counts: Images here by SeriesInstanceUID, each SOPInstanceUID once and the PACS's own only.
        judged: The series with their verdicts.
        completeness: As judged.
        asked: The pull, or what is known without one.
        last: What was handed over last.
        switches: The site's.
        usable: Images of a series that would be handed over, where odd ones are left out; None: all.
        patient_ids: Of the images; more than one only where the PACS itself sends them.
    """
    request = asked.request
    if not counts:
        return Decision(FAILED, "no image came")
    if not asked.final and _to_be_pulled_again(completeness, asked, sum(counts.values())):
        return Decision(SHORT_OUTCOME, _in_words(completeness, asked))
    modalities = [one.facts.modality for one in judged.values()]
    whole = request is not None and bool(request.for_destinations)
    dx = whole or is_radiography(modalities, bool(request and request.dx), switches)
    if whole:
        judged = _of_the_pull(judged, request)
    unreadable = {uid for uid, number in (usable or {}).items() if not number}
    judged = {uid: one for uid, one in judged.items() if uid not in unreadable}
    expected = expectations(request).series if completeness.verdict == COMPLETE else {}
    candidates = _candidates(counts, expected, judged, dx, switches)
    if not candidates:
        return _nothing_to_choose(counts, judged, request, dx)
    if len(patient_ids) > 1 and switches.hold_back_different_patient_ids:
        told = ", ".join(patient_ids)
        return Decision(FILTERED, f"held back: the PACS sends it under the PatientIDs {told}", dx)
    choice = _as_received(choose(candidates, dx, switches), {**counts, **(usable or {})})
    if request is not None and request.for_destinations:
        names = ", ".join(request.for_destinations)
        choice = replace(choice, why=f"all {len(choice.series)} series that {names} wants")
    kept_back = {
        **dict.fromkeys(unreadable, UNREADABLE.because),
        **_beside_ct(judged, candidates),
        **_kept_back(choice, candidates, switches),
    }
    return _chosen(choice, kept_back, asked, _known_to_pacs_module(last, asked), dx, switches)


def _of_the_pull(judged: Mapping[str, Judged], request: PullRequest | None) -> Mapping[str, Judged]:
    """For destinations: the series that were asked for, whatever the rules said of them before."""
    assert request is not None  # noqa: S101
    asked = request.series_uids or tuple(judged)
    taken = Verdict(True, "destination", "", "wanted by a destination")
    return {uid: replace(judged[uid], verdict=taken) for uid in asked if uid in judged}


def _chosen(
    choice: Choice,
    kept_back: Mapping[str, str],
    asked: Asked,
    last: HandedOver | None,
    dx: bool,
    switches: Switches,
) -> Decision:
    """Hand the choice over, unless the same was handed over before."""
    resend = judge_resend(choice, last, dx, asked.forced, switches, asked.reception)
    outcome = RECEIVED if resend.send else NOTHING_NEW
    before = frozenset(last.series_uids) if last is not None and outcome == NOTHING_NEW else frozenset()
    return Decision(outcome, f"{choice.why}; {resend.why}", dx, choice, kept_back, before)


def _nothing_to_choose(
    counts: Mapping[str, int], judged: Mapping[str, Judged], request: PullRequest | None, dx: bool
) -> Decision:
    """No series is left: all were filtered out, or there are some that nobody could read."""
    unjudged = {uid for uid, count in counts.items() if count} - judged.keys()
    if unjudged:
        return Decision(FAILED, UNREADABLE.because, dx)
    return Decision(FILTERED, f"every series was filtered out: {_reasons(counts, judged, request)}", dx)


def _known_to_pacs_module(last: HandedOver | None, asked: Asked) -> HandedOver | None:
    """
    The last hand-over; None where pacs_module has lost its record of it.

    One of this reception was made after pacs_module asked for the pull, so it cannot have known of it.
    """
    unknown = asked.request is not None and asked.request.known_handover == ""
    if unknown and last is not None and last.reception != asked.reception:
        return None
    return last


def _to_be_pulled_again(completeness: Completeness, asked: Asked, here: int) -> bool:
    """
    Images are missing; or the job failed, and nobody told by what number it could be seen that all came all
    the same, or there may be series that nobody named.
    """
    if completeness.verdict == SHORT or not asked.failed:
        return completeness.verdict == SHORT
    return completeness.verdict == UNVERIFIED or expectations(asked.request).may_have_more_series(here)


def _in_words(completeness: Completeness, asked: Asked) -> str:
    if completeness.verdict == SHORT:
        return completeness.words
    if completeness.verdict != UNVERIFIED:
        return "the pull failed, and the PACS has more images of the study than of the series that it named"
    return f"the pull failed, and nobody told how many images there are: {completeness.words}"


def _reasons(counts: Mapping[str, int], judged: Mapping[str, Judged], request: PullRequest | None) -> str:
    """Of all series of the study: of those that came and of those that were dropped before the pull."""
    came = [one.verdict for uid, one in judged.items() if counts.get(uid)]
    at_find = request.filtered if request is not None else {}
    dropped = [verdict for uid, verdict in at_find.items() if not counts.get(uid)]
    return grouped(verdict.because for verdict in (*came, *dropped))


def _beside_ct(judged: Mapping[str, Judged], candidates: list[Candidate]) -> dict[str, str]:
    """Series of another modality that passed the filter in a study with CT (``only_ct``)."""
    compared = {one.series_uid for one in candidates}
    return {
        uid: f"modality: {one.facts.modality}, of a study with CT the CT is computed"
        for uid, one in judged.items()
        if one.verdict.taken and uid not in compared
    }


def _kept_back(choice: Choice, candidates: list[Candidate], switches: Switches) -> dict[str, str]:
    """Each series that passed the filter and was not chosen, with the criterion that decided."""
    chosen = {one.series_uid for one in choice.series}
    best = next(one for one in candidates if one.series_uid == choice.series[0].series_uid)
    others = [one for one in candidates if one.series_uid not in chosen]
    return {
        one.series_uid: f"{decided_by(best, one, candidates, switches)}: {best.series_uid} was chosen"
        for one in others
    }


def _candidates(
    counts: Mapping[str, int],
    expected: Mapping[str, int],
    judged: Mapping[str, Judged],
    dx: bool,
    switches: Switches,
) -> list[Candidate]:
    """Where the study is complete a series that is still arriving counts as what it will be."""
    taken = {uid: one.facts for uid, one in judged.items() if one.verdict.taken and counts.get(uid, 0) > 0}
    found = [
        candidate_here(facts, _slices(facts, max(counts[uid], expected.get(uid, 0))), switches, final=True)
        for uid, facts in taken.items()
    ]
    return found if dx else only_ct(found, taken, switches)


def _slices(facts: SeriesFacts, images: int) -> int:
    """Slices of the images that agree, where they were compared; else the number of images."""
    return (facts.slices or images) if facts.text(FRAMES) else images


def _as_received(choice: Choice, counts: Mapping[str, int]) -> Choice:
    return Choice(tuple(replace(one, instances=counts[one.series_uid]) for one in choice.series), choice.why)
