"""Work by hand on a study that is known: redo, cancel, another priority, done. Each with who and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...domain.errors import MessageError
from ...domain.explain import loglines
from ...domain.explain.story import next_step
from ...domain.instants import iso
from ...domain.study.history import Note
from ...domain.study.lifecycle import ENDED, Event, State
from ...domain.study.message_state import NOT_SENT, MessageEvent
from ...domain.study.priority import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE
from ...domain.study.study import PULL, Pull, Study
from ...domain.study.uploads import schedule_uploads
from ...domain.upload.upload_state import UploadEvent
from ...ports import Clock, EventLog, StudyStore
from ..deliver.delivery_outcome import DeliveryPolicy, settle
from ..update_study import update_study

PRIORITIES = (ROUTINE, GREEN_CHANNEL, EMERGENCY, MANUAL)
Edit = Callable[[Study, int], str]


@dataclass(frozen=True)
class Who:
    """``by``: who asks; ``why``: the reason, in their words. Both go into the history."""

    by: str
    why: str


@dataclass
class ManualWork:
    """Each change is one write, one line in the study's history and one line in dcm_end.log."""

    store: StudyStore
    clock: Clock
    log: EventLog
    policy: DeliveryPolicy

    def redo(self, study_uid: str, who: Who) -> dict[str, Any] | None:
        """
        Pull and compute again, whatever was done before; what runs is pulled again when it has ended.

        Returns:
            How it goes now (:func:`progress`); None when there is no such study.

        Raises:
            MessageError: Who or why is missing.
            InvalidTransition: Not in this state.
        """

        def edit(study: Study, now: int) -> str:
            study.priority, study.forced, study.named = MANUAL, True, []
            study.apply(Event.MANUAL, f"redo: {who.why}", now, by=who.by)
            if study.state is State.META_ONLY:
                study.pull_now(now)
            return "redo"

        return self._change(study_uid, who, edit)

    def cancel(self, study_uid: str, who: Who) -> dict[str, Any] | None:
        """
        Neither pull nor compute it; a C-MOVE that runs is not interrupted, what it brings is not handed over.
        """
        return self._change(study_uid, who, lambda study, now: self._close(study, Event.CANCELLED, who, now))

    def done(self, study_uid: str, who: Who) -> dict[str, Any] | None:
        """Nothing more is to be done with it, although no backend has reported a result."""
        return self._change(
            study_uid, who, lambda study, now: self._close(study, Event.DONE_BY_HAND, who, now)
        )

    def prioritise(self, study_uid: str, priority: int, who: Who) -> dict[str, Any] | None:
        """Give it another priority: 4 until its pull is done, the others for good."""
        if priority not in PRIORITIES:
            raise MessageError("priority", priority, ", ".join(map(str, PRIORITIES)))
        return self._change(study_uid, who, partial(_prioritise, priority, who))

    def _close(self, study: Study, event: Event, who: Who, now: int) -> str:
        study.apply(event, who.why, now, by=who.by)
        self._cancel_handovers(study, now)
        if event is Event.CANCELLED:
            _drop_uploads(study, f"cancelled: {who.why}")
        study.forget_wish()
        study.sightings, study.baseline, study.attempts = [], study.count, 0
        study.schedule(PULL, None)
        return "cancel" if event is Event.CANCELLED else "done"

    def _cancel_handovers(self, study: Study, now: int) -> None:
        for item in study.handovers:
            if item.open:
                settle(study, item, MessageEvent.CANCEL, now, self.policy)

    def _change(self, study_uid: str, who: Who, edit: Edit) -> dict[str, Any] | None:
        _must_be_said(who)
        what = ""

        def edit_study(study: Study) -> bool:
            nonlocal what
            what = edit(study, self.clock.now())
            return True

        study = update_study(self.store, study_uid, edit_study)
        if study is None:
            return None
        self.log.line(loglines.manual_work(what, study_uid, who.by, who.why))
        return progress(study)


def _must_be_said(who: Who) -> None:
    for key, value in vars(who).items():
        if not value.strip():
            raise MessageError(key, value, "it must be said, for the study's history")


def _prioritise(priority: int, who: Who, study: Study, now: int) -> str:
    before, study.priority = study.priority, priority
    if priority != MANUAL:
        study.own_priority = priority
    for item in study.handovers:
        if item.message_state in NOT_SENT:
            item.message = {**item.message, "priorities": priority}
    study.note(Note.PRIORITY, f"{before} -> {priority}: {who.why}", now, by=who.by)
    return f"priority {priority}"


def _drop_uploads(study: Study, why: str) -> None:
    """What a person has cancelled goes nowhere any more; what is at a destination already stays there."""
    for upload in study.uploads:
        if upload.open:
            upload.take(UploadEvent.DROP)
            upload.reason = why
            schedule_uploads(study, upload.destination)


def progress(study: Study) -> dict[str, Any]:
    """
    How it goes with a study, short: for whoever waits for it. ``settled``: nothing more happens by itself.
    """
    what, at = next_step(study)
    last = study.last_handover
    return {
        "studyUID": study.study_uid,
        "studyDate": study.study_date,
        "accessionNumber": study.accession_number,
        "state": study.state.value if study.state else None,
        "why": study.why,
        "priority": study.priority,
        "attempts": study.attempts,
        "pull": _pull(study.pull) if study.pull else None,
        "handOver": last.message_state if last else None,
        "result": (last.result or None) if last else None,
        "next": {"what": what, "at": iso(at) if at else None},
        "settled": _is_settled(study),
    }


def _pull(pull: Pull) -> dict[str, Any]:
    return {"status": pull.status, "outcome": pull.outcome, "completeness": pull.completeness}


def _is_settled(study: Study) -> bool:
    if study.state is None:
        return True
    return study.state in ENDED and not any(item.open for item in study.handovers)
