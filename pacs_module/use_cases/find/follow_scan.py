"""
Follow the scan: ask for single growing studies again and again, and pull the series to compute as soon as it
is whole at the PACS (N1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...domain.dicom.attributes import SeriesFacts, found_study
from ...domain.errors import PermanentError, RetriableError
from ...domain.find.caps import is_suspicious
from ...domain.find.series_answers import SERIES_KEYS, series_of
from ...domain.find.traits import TraitsByPacs, traits_of
from ...domain.growing_study.scan import Decision, FollowPolicy, Step, Watch, decide, next_pause
from ...domain.growing_study.usual import protocol_of
from ...domain.pull.series_to_pull import dropped_after_reception, is_guess, is_received
from ...domain.rules.filters import is_dx
from ...domain.rules.switches import Switches
from ...domain.study.history import Note
from ...domain.study.series_pulled_early import Ahead
from ...domain.study.study import PULL, Study
from ...ports import Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..update_study import update_study
from .find_studies import STUDY_KEYS, FindStudies
from .match_answers import Matched, MatchedFinder
from .pacs_knowledge import PacsKnowledge

DEVICE_KEYS = ("StationName", "Manufacturer", "ManufacturerModelName")
SELDOM_MS = 30_000
MOST_REMEMBERED = 500
FAILED_MS = 5_000
"""After a query that failed, in milliseconds; doubled with each in a row of one study."""


@dataclass(frozen=True)
class _PulledAhead:
    """The last watch of a study of which a series is pulled ahead."""

    watch: Watch
    decision: Decision

    def after(self, study: Study) -> Watch:
        """
        As it is after the pull: the series had stood still until it was proved, unless more came than was
        announced.
        """
        received = {
            uid: study.series[uid].received or 0 for uid in self.decision.series if uid in study.series
        }
        if any(number > self.watch.tracks[uid].count for uid, number in received.items()):
            return self.watch
        return self.watch.counted_on(self.decision.series, self.decision.proof_ms)


@dataclass(frozen=True)
class _Begun:
    """
    A pull ahead that was written.

    Args:
        study: As it is pulled now.
        guessed: What was pulled ahead of it before was a guess.
    """

    study: Study
    guessed: bool


@dataclass
class FollowScan:
    """
    Watches what the finds have seen grow. In memory is only what is watched: after a restart the next find
    begins it anew. What is decided stands in the study's document, as an :class:`Ahead`.
    """

    store: StudyStore
    finder: MatchedFinder
    find: FindStudies
    clock: Clock
    log: EventLog
    switches: Switches
    traits: TraitsByPacs
    knowledge: PacsKnowledge
    policy: FollowPolicy = field(default_factory=FollowPolicy)
    queries_per_second: Callable[[str], float] = lambda pacs: 2.0
    """The budget of each PACS."""
    held: Callable[[str], str] = lambda pacs: ""
    """Why a PACS is not asked now (it is spared, or does not answer); empty: it is."""
    asked: Callable[[str], None] = lambda pacs: None
    """Told of each query."""
    _watched: dict[str, dict[str, Watch]] = field(default_factory=dict)
    _left: dict[str, int] = field(default_factory=dict)
    """Studies that cannot be followed, and until when nobody tries again."""
    _before: dict[str, _PulledAhead] = field(default_factory=dict)
    """The watches of studies that were pulled ahead: when one grows again it shows how long it had paused."""
    _free_at: dict[str, int] = field(default_factory=dict)

    def notice(self, pacs: str, study: Study) -> None:
        """A find has seen a study that is still being counted."""
        before = self._before.get(study.study_uid)
        self._watch(pacs, study, before.after(study) if before is not None else None)

    def resume(self, pacs: str, study: Study) -> None:
        """The series that was to be pulled ahead has grown meanwhile, or while it was pulled."""
        before = self._before.get(study.study_uid)
        self._watch(pacs, study, before.watch if before is not None else None)

    def _watch(self, pacs: str, study: Study, before: Watch | None) -> None:
        watched = self._watched.setdefault(pacs, {})
        if study.study_uid in watched or len(watched) >= self.policy.studies:
            return
        if self.clock.now() < self._left.get(study.study_uid, 0):
            return
        traits = traits_of(self.traits, pacs)
        if not traits.follow or traits.count_by_image or study.backlog:
            return  # nobody waits for it, or a count that stands still proves nothing
        if is_dx(study.modality, self.switches):
            return
        if any(study.study_uid in others for others in tuple(self._watched.values())):
            return
        self._before.pop(study.study_uid, None)
        now = self.clock.now()
        new = Watch(study.study_uid, pacs, began_at=now, next_at=now, grew_at=now)
        known = before if before is not None and before.pacs == pacs else new
        watched[study.study_uid] = replace(new, tracks=known.tracks, devices=known.devices)

    def watched(self, pacs: str) -> int:
        """How many studies are watched at a PACS."""
        return len(self._watched.get(pacs, {}))

    def due_in_s(self, pacs: str) -> float:
        """Seconds until a study is due to be asked for at a PACS; infinite while none will be."""
        watched = self._watched.get(pacs)
        if not watched or self.held(pacs):
            return math.inf
        first = min(one.next_at for one in tuple(watched.values()))
        return (max(first, self._free_at.get(pacs, 0)) - self.clock.now()) / 1000

    def __call__(self, pacs: str) -> bool:
        """
        Ask for the study that has been due longest, where the budget allows it.

        Returns:
            Whether a study became due to be pulled.
        """
        watched, now = self._watched.get(pacs), self.clock.now()
        if not watched or now < self._free_at.get(pacs, 0) or self.held(pacs):
            return False
        watch = min(tuple(watched.values()), key=lambda one: one.next_at)
        if watch.next_at > now:
            return False
        self._free_at[pacs] = now + round(1000 / self.queries_per_second(pacs))
        return self._look(watch)

    def _look(self, watch: Watch) -> bool:
        study = self.store.get(watch.study_uid)
        if study is None or not _is_counted(study):
            self._watched[watch.pacs].pop(watch.study_uid, None)
            return False
        if self._is_over(watch):
            self._leave(watch)
            return False
        self.asked(watch.pacs)
        try:
            if not traits_of(self.traits, watch.pacs).series_level:
                return self._by_study(watch)
            return self._by_series(watch, study)
        except PermanentError:
            self._leave(watch)  # this level is refused: the find of the day decides
        except RetriableError as error:
            pause = max(FAILED_MS, 2 * watch.pause)
            self._keep(replace(watch, queries=watch.queries + 1, pause=pause), pause)
            self.log.event(
                "follow_failed", "a growing study was not answered", "WARNING",
                pacs=watch.pacs, studyUID=watch.study_uid, error=str(error),
            )  # fmt: skip
        return False

    def _is_over(self, watch: Watch) -> bool:
        silent = self.clock.now() - watch.grew_at
        return watch.queries >= self.policy.queries or silent >= self.policy.leave_ms

    def _by_series(self, watch: Watch, study: Study) -> bool:
        query = {"StudyInstanceUID": study.study_uid}
        matched = self.finder.ask_part(watch.pacs, "SERIES", query, (*SERIES_KEYS, *DEVICE_KEYS))
        now = self.clock.now()
        series = series_of(study.study_uid, matched.answers)
        if not series or not self._is_whole(watch.pacs, matched, series, study):
            pause = min(max(2 * watch.pause, self.policy.growing_ms), self.policy.longest_ms)
            self._keep(replace(watch, queries=watch.queries + 1, pause=pause), pause)
            return False
        watch = self._seen(watch, series, now)
        known = self.knowledge.of(watch.pacs)
        dropped = dropped_after_reception(study, series)
        decision = decide(watch, series, dropped, known.usual, known.pauses, self.policy, self.switches)
        if decision.step is Step.PULL:
            return self._pull(watch, series, decision)
        if decision.step is Step.LEAVE:
            self._leave(watch)
            return False
        pause = next_pause(watch, decision, series, known.usual, known.pauses, self.policy, now)
        self._keep(watch, pause)
        return False

    def _is_whole(self, pacs: str, matched: Matched, series: Sequence[SeriesFacts], study: Study) -> bool:
        """
        Whether the list has every series: not cut, not as long as a cap, and not fewer instances than the
        study has (K12).
        """
        copy = study.pacs.get(pacs)
        announced = (copy.count or 0) if copy is not None else 0
        told = sum(facts.instances or 0 for facts in series)
        return not is_suspicious(matched, self.finder.learned(pacs)) and told >= announced

    def _pull(self, watch: Watch, series: Sequence[SeriesFacts], decision: Decision) -> bool:
        counts = {facts.series_uid: facts.instances or 0 for facts in series}
        chosen = {uid: counts[uid] for uid in decision.series}
        ahead = Ahead(watch.pacs, chosen, decision.why, decision.proof_ms)
        begun = self._begin(watch, ahead, sum(counts.values()))
        if begun is None:
            self._wait_for_better(watch, series, decision)
            return False
        self._watched[watch.pacs].pop(watch.study_uid, None)
        self._remember(_PulledAhead(watch, decision))
        reach("followed")
        self._learn(watch, ahead, begun)
        self.log.event(
            "series_stands_still", "the series to compute stands still, the study may still grow",
            pacs=watch.pacs, studyUID=watch.study_uid, seriesUIDs=list(ahead.series),
            instances=sum(ahead.series.values()),
        )  # fmt: skip
        return True

    def _begin(self, watch: Watch, ahead: Ahead, count: int) -> _Begun | None:
        """Make the study due to be pulled; None: these series are here, or it is not counted any more."""
        now = self.clock.now()
        begun: _Begun | None = None

        def edit(study: Study) -> bool:
            nonlocal begun
            here = all(is_received(study, uid, number) for uid, number in ahead.series.items())
            begun = None
            if here or not _is_counted(study):
                return False
            begun = _Begun(study, is_guess(study, now))
            study.saw(watch.pacs, count, now)
            study.ahead, study.sightings, study.why = ahead, [], f"{watch.pacs}: {ahead.why}"
            study.note(Note.STANDS_STILL, study.why, now)
            study.schedule(PULL, now)
            return True

        update_study(self.store, watch.study_uid, edit)
        return begun

    def _wait_for_better(self, watch: Watch, series: Sequence[SeriesFacts], decision: Decision) -> None:
        """All that was chosen is here; whether something better may still come, its protocol tells."""
        if self._ends_so(watch, series, decision):
            self._leave(watch)
        else:
            self._keep(watch, max(2 * self.policy.growing_ms, min(2 * watch.pause, SELDOM_MS)))

    def _remember(self, ahead: _PulledAhead) -> None:
        if len(self._before) >= MOST_REMEMBERED:
            self._before.clear()
        self._before[ahead.watch.study_uid] = ahead

    def _ends_so(self, watch: Watch, series: Sequence[SeriesFacts], decision: Decision) -> bool:
        """
        Whether earlier studies of this protocol are known: nothing better is to come, or it was waited for.
        """
        usual = self.knowledge.of(watch.pacs).usual
        return any(protocol_of(facts) in usual for facts in series if facts.series_uid in decision.series)

    def _by_study(self, watch: Watch) -> bool:
        """
        Where SERIES level is refused: its count at STUDY level, given to the find's own rule when it has
        stood still for as long as between two finds.
        """
        matched = self.finder.ask_part(watch.pacs, "STUDY", {"StudyInstanceUID": watch.study_uid}, STUDY_KEYS)
        now = self.clock.now()
        found = [found_study(watch.pacs, answer) for answer in matched.answers]
        counts = [one.count for one in found if one.study_uid == watch.study_uid and one.count]
        if not counts:
            self._leave(watch)
            return False
        watch = watch.seen([SeriesFacts(watch.study_uid, {}, max(counts))], now)
        track = watch.tracks[watch.study_uid]
        quiet = self.policy.study_quiet_ms
        stable = 0
        if now - track.changed_at >= quiet:  # sooner it would be one of two equal counts too early
            stable, _ = self.find.take_note(found)
        if not track.steady:
            self._leave(watch)
        if stable or not track.steady:
            self._watched[watch.pacs].pop(watch.study_uid, None)
            return bool(stable)
        self._keep(watch, max(self.policy.growing_ms, min(quiet, track.changed_at + quiet - now)))
        return False

    def _seen(self, watch: Watch, series: Sequence[SeriesFacts], now: int) -> Watch:
        """Take an answer; a pause inside a series is learned as soon as it is over."""
        after = watch.seen(series, now)
        for uid, before in watch.tracks.items():
            if uid in after.tracks and after.tracks[uid].pause > before.pause:
                device, pause = after.devices.get(uid, "unknown"), after.tracks[uid].pause
                self.knowledge.take_series(watch.pacs, device, pause)
                self.log.event(
                    "pause_inside_series", "a series has grown again after a pause",
                    pacs=watch.pacs, studyUID=watch.study_uid, seriesUID=uid, device=device, pauseS=pause /
                    1000,
                )  # fmt: skip
        return after

    def _learn(self, watch: Watch, ahead: Ahead, begun: _Begun) -> None:
        """
        The series that ends says something of its device; where a guess of before was too early, that is
        counted.
        """
        for uid in ahead.series:
            if watch.tracks[uid].rate:
                self.knowledge.take_series(watch.pacs, watch.devices[uid], watch.tracks[uid].pause)
        self.knowledge.count(watch.pacs, "early")
        last = begun.study.last_handover
        if begun.guessed and last is not None:
            self.knowledge.count(watch.pacs, "grew" if last.series_uid in ahead.series else "beaten")

    def _keep(self, watch: Watch, pause: int) -> None:
        self._watched[watch.pacs][watch.study_uid] = replace(
            watch, pause=pause, next_at=self.clock.now() + pause
        )

    def _leave(self, watch: Watch) -> None:
        """Left to the find of the day, for some time."""
        self._watched[watch.pacs].pop(watch.study_uid, None)
        if len(self._left) >= MOST_REMEMBERED:
            self._left.clear()
        self._left[watch.study_uid] = self.clock.now() + self.policy.leave_ms


def _is_counted(study: Study) -> bool:
    """Whether it is still being counted, and nobody has asked for it."""
    return study.is_counted and not (study.forced or study.named)
