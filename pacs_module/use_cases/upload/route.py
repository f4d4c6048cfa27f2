"""
Route: which destinations get a hand-over is decided once, by the headers of its images, and written down with
the reason.

Where there is an offline cache, the images are copied into it first: the RAM disk is not where a dead line is
waited out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.errors import FilesGone, PipelineError, StoreAway
from ...domain.instants import iso, milliseconds
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.message_state import MessageState
from ...domain.study.study import ROUTE, Study
from ...domain.study.uploads import queue_upload, routed, to_route
from ...domain.upload.destination import HandedOver, Routing, route
from ...domain.upload.upload import Upload
from ...ports import Clock, EventLog, StudyStore, UploadSource
from ...shared.crash_points import reach
from ..update_study import update_study
from . import other_series
from .fill_cache import FillCache
from .upload_outcome import pull_again, schedule_release
from .upload_policy import DestinationPlan

CLAIM_LEASE = timedelta(minutes=15)
"""Longer than copying the largest hand-over into the cache takes."""
PAUSE = timedelta(seconds=15)
"""Until the next look, when the images could not be read, or the cache has no room."""
HELD_PAUSE = timedelta(seconds=3)
"""Until the next look, while the copy without names is being made."""
_DISCARDED = (MessageState.CANCELLED, MessageState.LOST)


@dataclass
class RouteHandOvers:
    """
    A journaled step between the accepted notification and the uploads.

    Args:
        store: The studies.
        plans: The destinations.
        source: Reads headers.
        cache: None: uploads read the hand-over folder itself.
        clock: The hospital's.
        log: For events.
        owner: Who claims.
        anonymise: Only copies without names leave.
    """

    store: StudyStore
    plans: Sequence[DestinationPlan]
    source: UploadSource
    cache: FillCache | None
    clock: Clock
    log: EventLog
    owner: str
    anonymise: bool = False
    waits_for_room: dict[str, str] = field(default_factory=dict)
    """Why hand-overs wait for the cache, by study: for the page and the alarm."""

    def __call__(self) -> bool:
        """
        Route the hand-overs of one study.

        Returns:
            Whether there was one.

        Raises:
            RetriableError: The store is away.
        """
        study = self.store.claim(ROUTE, self.owner, self.clock.now(), milliseconds(CLAIM_LEASE))
        if study is None:
            return False
        pause: timedelta | None = None
        for item in to_route(study):
            try:
                pause = self._route(study, item) or pause
            except StoreAway:
                raise
            except PipelineError as error:
                self._told("routing_failed", study, item, str(error))
                self.waits_for_room[study.study_uid] = str(error)  # a full disk, above all
                pause = PAUSE
        self._schedule(study.study_uid, pause)
        return True

    def _route(self, study: Study, item: HandOver) -> timedelta | None:
        """Route one hand-over; the pause after which it is looked at again, None when it is done with."""
        if item.message_state in _DISCARDED and not item.destinations:
            self._write(study.study_uid, item, {}, cached=False)
            return None
        if self.anonymise and item.message.get("studyUID") == study.study_uid:
            if item.message_state is MessageState.HELD:
                return HELD_PAUSE
            self._told("routing_refused", study, item, "there is no copy without names, so nothing leaves")
            self._write(study.study_uid, item, {}, cached=False)
            return None
        try:
            return self._decide(study, item)
        except FilesGone as error:
            self._gone(study.study_uid, item, str(error))
            return None

    def _decide(self, study: Study, item: HandOver) -> timedelta | None:
        decided = self._decided(study, item)
        cached = self.cache is not None and any(one.taken for one in decided.values())
        if self.cache is not None and cached:
            why = self.cache(study.study_uid, item)
            if why:
                self.waits_for_room[study.study_uid] = why
                return PAUSE
            reach("cached")
        self.waits_for_room.pop(study.study_uid, None)
        self._write(study.study_uid, item, decided, cached)
        reach("routed")
        return None

    def _decided(self, study: Study, item: HandOver) -> dict[str, Routing]:
        """By each destination's rule; of series beside those to compute that was decided before they came."""
        facts = self.source.facts(item.filepath)
        if item.destinations:
            said = Routing(True, "what", "other series of", study.study_uid)
            return {plan.name: said for plan in self.plans if plan.name in item.destinations}
        handed_over = HandedOver(facts, _priority(study, item), _pacs_of(study, item))
        return {plan.name: route(plan.rule, handed_over) for plan in self.plans}

    def _write(self, study_uid: str, item: HandOver, decided: Mapping[str, Routing], cached: bool) -> None:
        def edit(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or stored.routed_at is not None:
                return False
            now = self.clock.now()
            routed(stored, now)
            if cached:
                stored.cached_at = iso(now)
            for plan in self.plans:
                said = decided.get(plan.name)
                if said is not None and said.taken:
                    due = plan.first_due(now)
                    queue_upload(
                        study, Upload(plan.name, item.handover_id, iso(now), said.words, next_at=due)
                    )
                    if not item.destinations:
                        other_series.want(study, plan)
            study.note(Note.ROUTED, _words(decided), now)
            schedule_release(study)
            return True

        update_study(self.store, study_uid, edit)

    def _gone(self, study_uid: str, item: HandOver, why: str) -> None:
        """
        The files went before it was decided: a hand-over without its result is pulled again by its delivery,
        another one by us.
        """

        def edit(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or stored.routed_at is not None:
                return False
            now = self.clock.now()
            routed(stored, now)
            if stored.destinations:
                other_series.files_gone(study, stored, now)
            elif not stored.open and study.last_handover is stored and study.pacs:
                pull_again(study, why, now)
            return True

        update_study(self.store, study_uid, edit)

    def _schedule(self, study_uid: str, pause: timedelta | None) -> None:
        def edit(study: Study) -> bool:
            at = None if pause is None or not to_route(study) else self.clock.now() + milliseconds(pause)
            if at is None and to_route(study):
                at = self.clock.now()  # one more came meanwhile
            study.schedule(ROUTE, at)
            if at is None:
                study.schedule(ROUTE, other_series.ask(study, self.clock.now()))
            schedule_release(study)
            return True

        update_study(self.store, study_uid, edit)

    def _told(self, key: str, study: Study, item: HandOver, why: str) -> None:
        words = "a hand-over is not sent to destinations"
        self.log.event(key, words, "WARNING", studyUID=study.study_uid, handoverID=item.handover_id, why=why)


def _priority(study: Study, item: HandOver) -> int:
    told = item.message.get("priorities", study.priority)
    return told if isinstance(told, int) else study.priority


def _pacs_of(study: Study, item: HandOver) -> str:
    """Where its images were pulled from; empty for images that came unasked."""
    pull_id = item.message.get("pullID", "")
    pulls = [one for one in (study.pull, *study.pulls) if one is not None and one.request.pull_id == pull_id]
    return pulls[0].request.pacs if pull_id and pulls else ""


def _words(decided: Mapping[str, Routing]) -> str:
    if not decided:
        return "to none"
    return "; ".join(
        f"{name} {'yes' if said.taken else 'no'} ({said.words})" for name, said in decided.items()
    )
