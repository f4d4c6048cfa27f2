"""The backend's result (M23)."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.instants import iso
from ...domain.json_messages.messages import Result
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.lifecycle import Event
from ...domain.study.message_state import AT_THE_BACKEND, MessageEvent, MessageState
from ...domain.study.study import RENDER, Study
from ...ports import Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..resolve_ids import study_named
from ..update_study import update_study
from .delivery_outcome import DeliveryPolicy, fail_delivery, settle

_EVENTS = {"completed": Event.RESULT_COMPLETED, "unsupported_series": Event.RESULT_UNSUPPORTED}
_OF_EARLIER = {
    Event.RESULT_COMPLETED: Note.EARLIER_COMPLETED,
    Event.RESULT_UNSUPPORTED: Note.EARLIER_UNSUPPORTED,
}
"""A result of a hand-over that is not the newest decides nothing."""


@dataclass
class RecordResult:
    """Late, repeated and unknown results are answered sensibly: ``recorded``, ``known already`` or None."""

    store: StudyStore
    clock: Clock
    log: EventLog
    policy: DeliveryPolicy
    render: bool = False
    """Results in JSON are made DICOM objects."""

    def __call__(self, result: Result) -> str | None:
        """
        Write a result down.

        Returns:
            ``recorded``; ``known already`` (nothing changed); None when there is no such study or hand-over.
        """
        answer = self._record(result)
        reach("result_in")
        values = {"studyUID": result.study_uid, "seriesUID": result.series_uid, "state": result.state}
        self.log.event("result_recorded", "result", **values, answer=answer or "unknown")
        return answer

    def _record(self, result: Result) -> str | None:
        answer: str | None = None

        def edit(study: Study) -> bool:
            nonlocal answer
            item = _meant(study, result)
            answer = None if item is None else self._take(study, item, result)
            return answer == "recorded"

        study = study_named(self.store, result.study_uid)
        if study is not None:
            update_study(self.store, study.study_uid, edit)
        return answer

    def _take(self, study: Study, item: HandOver, result: Result) -> str:
        if _is_known(item, result):
            return "known already"
        now = self.clock.now()
        item.result_message, item.result_at = result.message, iso(now)
        if result.state == "failed":
            item.tried("failed there", result.message, now, "backend")
            fail_delivery(study, item, f"the backend says failed: {result.message}", now, self.policy)
        else:
            self._take_computed(study, item, result, now)
        return "recorded"

    def _take_computed(self, study: Study, item: HandOver, result: Result, now: int) -> None:
        item.result, item.result_values = result.state, dict(result.result)
        settle(study, item, MessageEvent.RESULT, now, self.policy)
        _tell(study, item, result, now)
        if self.render:
            study.schedule(RENDER, now)


def _meant(study: Study, result: Result) -> HandOver | None:
    if result.handover_id:
        return study.handover(result.handover_id)
    same = [
        item
        for item in study.handovers
        if result.series_uid in (item.series_uid, item.message.get("seriesUID"))
    ]
    return next((item for item in same if item.open), same[-1] if same else None)


def _is_known(item: HandOver, result: Result) -> bool:
    """A result stays; a failure counts only for what is at the backend."""
    if item.message_state is MessageState.DONE:
        return True
    return result.state == "failed" and item.message_state not in AT_THE_BACKEND


def _tell(study: Study, item: HandOver, result: Result, now: int) -> None:
    """The newest hand-over's result is the study's; one of an earlier is a note."""
    event = _EVENTS[result.state]
    if study.last_handover is item:
        study.apply(event, result.message or result.state, now, by="backend")
    else:
        study.note(_OF_EARLIER[event], result.message, now, by="backend")
