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
from .foreseen import Foreseen, foreseen_of
from .quiet import DevicePauses, Pauses, QuietPolicy, SeriesTrack, first_seen
from .usual import Usual, alike, awaited, device_of, protocol_of

CONFIRMED_MS = 150
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

    ``proof_ms``: a pull may begin, and after so long the PACS is to be asked again whether they have grown;
    0: they have stood still long enough.
    """

    step: Step
    why: str
    series: tuple[str, ...] = ()
    usual: bool = False
    proof_ms: int = 0


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
        return self._pauses_of(series_uid, pauses).quiet(policy, self.is_followed(series_uid))

    def is_quiet(self, series_uid: str, pauses: DevicePauses, policy: QuietPolicy) -> bool:
        """Whether this series has stood still for long enough to be whole."""
        return self.tracks[series_uid].stands_still(self.quiet_of(series_uid, pauses, policy))

    def has_stopped(
        self, series_uid: str, foreseen: Foreseen, pauses: DevicePauses, policy: QuietPolicy
    ) -> bool:
        """Whether a pull of this series may begin, ``foreseen`` being how many instances it will have."""
        stopped, track = self._stopped_of(series_uid, pauses, policy), self.tracks[series_uid]
        return stopped is not None and track.has_stopped(stopped, foreseen.is_met(track.count))

    def begins_at(self, series_uid: str, pauses: DevicePauses, policy: QuietPolicy) -> int:
        """From when on a pull of this series may begin, should its count not change."""
        track = self.tracks[series_uid]
        still = track.still_at(self.quiet_of(series_uid, pauses, policy))
        stopped = self._stopped_of(series_uid, pauses, policy)
        return still if stopped is None else min(still, track.stopped_from(stopped))

    def proof_ms(self, series: Collection[str], pauses: DevicePauses, policy: QuietPolicy) -> int:
        """How long these series have still to stand still until that is the end of them."""
        left = [
            self.tracks[uid].still_at(self.quiet_of(uid, pauses, policy)) - self.tracks[uid].seen_at
            for uid in series
        ]
        return max(0, *left)

    def counted_on(self, series: Collection[str], proof_ms: int) -> Watch:
        """The watch after these series were seen to stand still for so much longer."""
        tracks = {
            uid: replace(self.tracks[uid], seen_at=self.tracks[uid].seen_at + proof_ms) for uid in series
        }
        return replace(self, tracks={**self.tracks, **tracks})

    def _stopped_of(self, series_uid: str, pauses: DevicePauses, policy: QuietPolicy) -> int | None:
        return self._pauses_of(series_uid, pauses).stopped(policy, self.is_followed(series_uid))

    def _pauses_of(self, series_uid: str, pauses: DevicePauses) -> Pauses:
        return pauses.of(self.devices.get(series_uid, ""))


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
    still = _still(watch, series, usual, pauses, policy)
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
    return Decision(Step.PULL, why, needed, proof_ms=watch.proof_ms(needed, pauses, policy.quiet))


def _still(
    watch: Watch,
    series: Sequence[SeriesFacts],
    usual: Mapping[str, Sequence[Usual]],
    pauses: DevicePauses,
    policy: FollowPolicy,
) -> set[str]:
    """Series that have stood still, or have just stopped: a pull of them may begin."""
    whole = {uid for uid in watch.tracks if watch.is_quiet(uid, pauses, policy.quiet)}
    others = [facts for facts in series if facts.series_uid not in whole]
    stopped = {
        facts.series_uid
        for facts in others
        if watch.has_stopped(
            facts.series_uid,
            foreseen_of(facts, series, whole, _usual_of(facts, usual)),
            pauses,
            policy.quiet,
        )
    }
    return whole | stopped


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
        _ends_at(watch, facts, series, usual, pauses, policy, now)
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
    series: Sequence[SeriesFacts],
    usual: Mapping[str, Sequence[Usual]],
    pauses: DevicePauses,
    policy: FollowPolicy,
    now: int,
) -> int:
    """When it is worth to ask for one series again, epoch milliseconds."""
    track = watch.tracks[facts.series_uid]
    whole = [uid for uid in watch.tracks if watch.is_quiet(uid, pauses, policy.quiet)]
    foreseen = foreseen_of(facts, series, whole, _usual_of(facts, usual))
    if track.changed_at < now or track.stopped_at < now or foreseen.is_met(track.count):
        begins = watch.begins_at(facts.series_uid, pauses, policy.quiet)
        # One that has just grown may not have stopped at all.
        return begins if track.changed_at < now else min(begins, now + policy.unknown_ms)
    reached = track.reaches(foreseen.count)
    if reached is not None:
        left = reached - now
        # What was foreseen may be too much: half of the way is looked at, unless the end is near.
        return now + (
            left if left <= policy.unknown_ms else min(max(left // 2, policy.often_ms), policy.growing_ms)
        )
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
