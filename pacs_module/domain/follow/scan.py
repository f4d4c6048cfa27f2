"""
Follow the scan: which series of a growing CT study can be pulled already, and when its PACS is asked again
(N1).

A study is watched by itself while it grows. Each of its series is stable by its own count (``quiet.py``); as
soon as the one that would be chosen stands still and nothing that is announced, or that the device usually
sends (``usual.py``), can beat it, it is pulled by itself. The find of the day stays as the net below.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..dicom.attributes import SeriesFacts, parse_thickness
from ..receive.needed_series import NeededSeries, needed_series, told
from ..rules.choice import choose
from ..rules.filters import judge_series
from ..rules.kernel_and_contrast import candidate_announced
from ..rules.switches import Switches
from .quiet import DevicePauses, QuietPolicy, SeriesTrack, first_seen
from .usual import Usual, alike, awaited, device_of, expected_instances, protocol_of

NEAR_THE_END = 0.8
"""From this part of the usual number of instances on a series is asked for often."""
CONFIRMED_MS = 300
"""Between two queries of one study, at least."""


@dataclass(frozen=True)
class FollowPolicy:
    """
    How a study is watched: ``often_ms`` between queries while its series may end, ``longest_ms`` while
    nothing comes, ``growing_ms`` at most while it grows, ``unknown_ms`` where nobody knows how many instances
    the series to compute will have; ``queries`` at most, and ``leave_ms`` without
    anything new, then it is left to the find of the day. ``studies``: so many at once at a PACS.
    """

    quiet: QuietPolicy = field(default_factory=QuietPolicy)
    often_ms: int = 1_000
    growing_ms: int = 4_000
    unknown_ms: int = 2_000
    longest_ms: int = 10_000
    study_quiet_ms: int = 10_000
    queries: int = 60
    leave_ms: int = 600_000
    studies: int = 50


class Step(StrEnum):
    """What a look into a study ends with."""

    PULL = "pull"
    """These series, by themselves, now."""
    WAIT = "wait"
    LEAVE = "leave"
    """Nothing can be told by its series: the find of the day decides, as without a watch."""


@dataclass(frozen=True)
class Decision:
    """
    ``why`` in words; ``series``: to be pulled, or waited for; ``usual``: a better one is usual and not here.
    """

    step: Step
    why: str
    series: tuple[str, ...] = ()
    usual: bool = False


@dataclass(frozen=True)
class Watch:
    """
    One study at one PACS while it is watched; instants in epoch milliseconds. A cache: nothing is lost with
    it.

    ``grew_at``: when anything was new last; ``pause``: the last one between two queries.
    """

    study_uid: str
    pacs: str
    began_at: int
    next_at: int
    grew_at: int
    tracks: Mapping[str, SeriesTrack] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    queries: int = 0
    pause: int = 0

    def seen(self, series: Sequence[SeriesFacts], now: int) -> Watch:
        """The watch after one more answer."""
        tracks = dict(self.tracks)
        for facts in series:
            known, count = tracks.get(facts.series_uid), facts.instances or 0
            tracks[facts.series_uid] = (
                known.again(count, now) if known is not None else first_seen(count, now)
            )
        grew = any(track.changed_at == now for track in tracks.values())
        devices = {**self.devices, **{facts.series_uid: device_of(facts) for facts in series}}
        return replace(
            self,
            tracks=tracks,
            devices=devices,
            queries=self.queries + 1,
            grew_at=now if grew else self.grew_at,
        )

    def last_seen_at(self) -> int:
        """When the PACS answered last."""
        return max((track.seen_at for track in self.tracks.values()), default=self.began_at)

    def is_followed(self, series_uid: str) -> bool:
        """Whether another series has grown since this one has stood still."""
        since = self.tracks[series_uid].changed_at
        return any(track.changed_at > since for uid, track in self.tracks.items() if uid != series_uid)

    def quiet_of(self, series_uid: str, pauses: DevicePauses, policy: QuietPolicy) -> int:
        """How long this series must stand still, in milliseconds."""
        known = pauses.of(self.devices.get(series_uid, ""))
        return known.quiet(policy, self.is_followed(series_uid))


def decide(
    watch: Watch,
    series: Sequence[SeriesFacts],
    dropped: Collection[str],
    usual: Mapping[str, Sequence[Usual]],
    pauses: DevicePauses,
    policy: FollowPolicy,
    switches: Switches,
) -> Decision:
    """
    Say what becomes of a watched study after an answer.

    Args:
        watch: With this answer in it.
        series: The answer: every series that the PACS announces, at least one.
        dropped: Series whose images were filtered out after they had come.
        usual: What the last studies ended with, by protocol (``usual.protocol_of`` of the best series).
        pauses: Of the devices behind this PACS.
        policy: How long is waited.
        switches: The site's.
    """
    if not all(facts.instances for facts in series):
        return Decision(Step.LEAVE, "a series without a count")
    still = {
        uid
        for uid, track in watch.tracks.items()
        if track.stands_still(watch.quiet_of(uid, pauses, policy.quiet))
    }
    open_ended = [
        facts if facts.series_uid in still else replace(facts, instances=_may_have(facts, series, still))
        for facts in series
    ]
    outlook = needed_of(open_ended, dropped, switches)
    if outlook.dx:
        return Decision(Step.LEAVE, "radiography is pulled whole")
    if not outlook.needed:
        return Decision(Step.WAIT, "nothing wanted is announced yet", usual=True)
    best = next(facts for facts in series if facts.series_uid == outlook.best)
    waited = awaited(best, alike(best, _taken(series, dropped, switches)), _usual_of(best, usual), switches)
    needed = tuple(sorted(outlook.needed))
    waited = waited or _thinner_may_follow(watch, best, series, usual, policy, switches)
    if waited:
        return Decision(Step.WAIT, waited, needed, usual=True)
    growing = tuple(uid for uid in needed if uid not in still)
    if any(not watch.tracks[uid].steady for uid in needed):
        return Decision(Step.LEAVE, "a series is told now with more and now with fewer instances")
    if growing:
        return Decision(Step.WAIT, f"{len(growing)} of {len(needed)} series may still grow", growing)
    counts = ", ".join(f"{facts.instances}" for facts in series if facts.series_uid in outlook.needed)
    why = f"{len(needed)} of {len(series)} series cannot be beaten and stand still with {counts} instances"
    return Decision(Step.PULL, why, needed)


def _may_have(facts: SeriesFacts, series: Sequence[SeriesFacts], still: Collection[str]) -> int | None:
    """
    How many instances a series that grows may have in the end, None: any number.

    Another reconstruction of the same scan, with slices as thick, has as many as the one that is whole. One
    that ends with more after all is chosen when the study has stopped growing.
    """
    thickness = parse_thickness(facts.text("SliceThickness"))
    if thickness is None:
        return None
    whole = [
        one.instances or 0
        for one in series
        if one.series_uid in still and parse_thickness(one.text("SliceThickness")) == thickness
    ]
    return max(*whole, facts.instances or 0) if whole else None


def _thinner_may_follow(
    watch: Watch,
    best: SeriesFacts,
    series: Sequence[SeriesFacts],
    usual: Mapping[str, Sequence[Usual]],
    policy: FollowPolicy,
    switches: Switches,
) -> str:
    """
    Why a thick series is not pulled yet, in words; empty: it is.

    A CT sends its thick series first. Where no study of the protocol is known yet the thin one is waited for
    as long as the study grows.
    """
    thickness, thin = parse_thickness(best.text("SliceThickness")), switches.thin_slice_max
    if _usual_of(best, usual) or thickness is None or thickness <= thin:
        return ""
    if any((parse_thickness(one.text("SliceThickness")) or thickness) <= thin for one in series):
        return ""  # it is here, and was filtered out
    if watch.last_seen_at() - watch.grew_at >= policy.study_quiet_ms:
        return ""
    return f"the first study of this protocol: a series thinner than {thickness:g} mm may follow"


def needed_of(series: Sequence[SeriesFacts], dropped: Collection[str], switches: Switches) -> NeededSeries:
    """
    Which of the announced series of a CT study may be the one to compute.

    A series that nobody counts yet (``instances`` None) may have any number in the end.
    """
    announced = {facts.series_uid: facts for facts in series if facts.series_uid not in dropped}
    return needed_series({}, announced, frozenset(), False, False, switches)


def next_pause(
    watch: Watch,
    decision: Decision,
    series: Sequence[SeriesFacts],
    usual: Mapping[str, Sequence[Usual]],
    pauses: DevicePauses,
    policy: FollowPolicy,
    now: int,
) -> int:
    """
    How many milliseconds until a watched study is asked for again.

    Soon where a series may just have ended, seldom where it is known to go on for long; while nothing comes,
    ever more seldom.
    """
    ends = [
        _ends_at(watch, facts, usual, pauses, policy, now)
        for facts in series
        if facts.series_uid in decision.series
    ]
    if decision.usual or not ends:
        soonest = policy.growing_ms if watch.grew_at == now else round(watch.pause * 1.5)
        return min(max(soonest, policy.often_ms), policy.longest_ms)
    return max(CONFIRMED_MS, min(max(ends) - now, policy.longest_ms))


def _ends_at(
    watch: Watch,
    facts: SeriesFacts,
    usual: Mapping[str, Sequence[Usual]],
    pauses: DevicePauses,
    policy: FollowPolicy,
    now: int,
) -> int:
    """When it is worth to ask for one series again, epoch milliseconds."""
    track = watch.tracks[facts.series_uid]
    if track.changed_at < now or track.stopped_at < now:
        return track.still_at(watch.quiet_of(facts.series_uid, pauses, policy.quiet))
    expected = expected_instances(facts, _usual_of(facts, usual))
    if track.rate and expected:
        left = (NEAR_THE_END * expected - track.count) / track.rate
        return now + round(min(max(left, policy.often_ms), policy.growing_ms))
    grown = now - track.began_at
    return now + min(max(policy.often_ms, grown // 3), policy.unknown_ms)


def _usual_of(facts: SeriesFacts, usual: Mapping[str, Sequence[Usual]]) -> Sequence[Usual]:
    return usual.get(protocol_of(facts), ())


def _taken(series: Sequence[SeriesFacts], dropped: Collection[str], switches: Switches) -> list[SeriesFacts]:
    return [
        facts
        for facts in series
        if facts.series_uid not in dropped and judge_series(told(facts), switches).taken
    ]


def best_of(series: Sequence[SeriesFacts], switches: Switches) -> tuple[SeriesFacts, int] | None:
    """The series that a study ends with, by what the PACS announces, and how many there are like it."""
    taken = _taken(series, (), switches)
    ct = [facts for facts in taken if facts.modality in switches.ct_modalities]
    if not ct:
        return None
    candidates = [candidate_announced(told(facts), switches) for facts in ct]
    (best,) = choose(candidates, dx=False, switches=switches).series
    found = next(facts for facts in ct if facts.series_uid == best.series_uid)
    return found, alike(found, ct)
