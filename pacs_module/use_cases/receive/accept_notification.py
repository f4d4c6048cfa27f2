"""A notification of the plugins: the state change and the message to RabbitMQ that it causes are one write (M30, M31)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.dicom.attributes import dashed_date, plain_time, split_values
from ...domain.errors import MessageError
from ...domain.explain import loglines
from ...domain.instants import iso
from ...domain.receive.completeness import SHORT
from ...domain.study.handover import HandOver
from ...domain.study.lifecycle import BY_HAND, Event, State
from ...domain.study.message_state import MessageEvent
from ...domain.study.study import PUBLISH, PULL, RELEASE, WATCH, Pull, Study
from ...domain.wire.documents import from_document
from ...domain.wire.messages import IMAGES, SeriesFolder, check_notification, read_reports
from ...ports import Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..deliver.anonymise import hold
from ..pull.record_pull_end import pull_what_was_asked_meanwhile
from ..update_study import change

MOST_PRIORITY = 9
MOST_IMAGES = 2**31


@dataclass
class AcceptNotification:
    """
    Idempotent by ``handoverID``: the plugins repeat until they are acknowledged.

    ``anonymise``: what is handed over is held back until it has no names.
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    anonymise: bool = False

    def __call__(self, message: Mapping[str, Any]) -> bool:
        """
        Take a notification in.

        Returns:
            False when this one was known already.

        Raises:
            MessageError: It cannot be used.
        """
        _check(message)
        self.log.line(loglines.received_notify(message))
        if self.store.get(message["studyUID"]) is None:
            self.store.insert(self._pushed(message))
        before: HandOver | None = None
        fresh = False

        def edit(study: Study) -> bool:
            nonlocal before, fresh
            before, fresh = study.last_handover, not _known(study, message["handoverID"])
            if fresh:
                self._take(study, message)
            return fresh

        change(self.store, message["studyUID"], edit)
        reach("outbox_written")
        if fresh and before is not None and message["statecode"] == IMAGES:
            self.log.line(loglines.calc_again(message["studyUID"], before.message_state))
        return fresh

    def _take(self, study: Study, message: Mapping[str, Any]) -> None:
        now = self.clock.now()
        reports = read_reports(message)
        study.remember_series(reports, now)
        study.notified = [*study.notified, message["handoverID"]]
        images = message["statecode"] == IMAGES
        if images:
            self._hand_over(study, _handover(message, now), now)
        event = Event.RECEIVED if images else Event.FILTERED_OUT
        why = _why(message)
        arrived = sum(report.received for report in reports)
        pull = study.pull if study.pull is not None and study.pull.request.pull_id == message.get("pullID") else None
        if pull is None and _goes_on(study, arrived):
            study.note(event, f"{why}; not of the pull that is due or runs", now, by="plugins")
            return
        study.apply(event, why, now, by="plugins")
        study.sightings = []
        study.schedule(PULL, None)
        if pull is None:
            study.baseline = max(study.baseline or 0, arrived)
            self._pull_the_rest(study, message, now)
        else:
            _of_our_pull(study, pull, images, now)

    def _pull_the_rest(self, study: Study, message: Mapping[str, Any], now: int) -> None:
        """Images came unasked, and the PACS that knows the study has more of it."""
        told, words = message.get("announced"), str(message.get("completeness", ""))
        pacs = told.get("pacs") if isinstance(told, dict) else None
        if not isinstance(told, dict) or not isinstance(pacs, str) or not pacs or not words.startswith(SHORT):
            return
        expected = told.get("expected")
        study.saw(pacs, expected if isinstance(expected, int) else None, now)
        if study.state not in BY_HAND:
            study.apply(Event.GREW, f"pushed {words}; the rest is pulled from {pacs}", now)
            study.pull_now(now)

    def _hand_over(self, study: Study, item: HandOver, now: int) -> None:
        """A study that a person has closed is computed no more: what still comes is kept as cancelled and its folder let go."""
        study.handovers = [*study.handovers, item]
        if study.state in BY_HAND:
            item.settle(MessageEvent.CANCEL, now)
            study.schedule(RELEASE, now)
        elif self.anonymise:
            hold(study, item, now)
        else:
            study.schedule(PUBLISH, now)

    def _pushed(self, message: Mapping[str, Any]) -> Study:
        """A study that came without our asking, as its own images describe it."""
        identity = message.get("identity", {})
        return Study(
            study_uid=message["studyUID"],
            study_date=dashed_date(identity.get("StudyDate", "")),
            study_time=plain_time(identity.get("StudyTime", "")),
            accession_number=identity.get("AccessionNumber", ""),
            patient_id=identity.get("PatientID", ""),
            study_description=identity.get("StudyDescription", ""),
            modality=list(split_values(identity.get("ModalitiesInStudy", ""))),
            priority=message["priorities"],
            own_priority=message["priorities"],
            is_push=message["isPush"] == 1,
            first_seen_at=iso(self.clock.now()),
        )


def _goes_on(study: Study, arrived: int) -> bool:
    """Images beside our own pull do not end it, unless they are all that the PACS has."""
    if study.state is State.PULL_DATA:
        return True
    return study.state is State.META_ONLY and not (study.count is not None and arrived >= study.count)


def _of_our_pull(study: Study, pull: Pull, handed_over: bool, now: int) -> None:
    if study.satisfied_by(pull.request, handed_over):
        study.forget_wish()
    if not pull.running:
        study.schedule(WATCH, None)
        pull_what_was_asked_meanwhile(study, now)


def _handover(message: Mapping[str, Any], now: int) -> HandOver:
    return HandOver(
        handover_id=message["handoverID"],
        series_uid=message["seriesUID"],
        number_received=message["numberReceived"],
        filepath=message["filepath"],
        completeness=str(message.get("completeness", "")),
        message=dict(message),
        received_at=iso(now),
    )


def _why(message: Mapping[str, Any]) -> str:
    if message["statecode"] == IMAGES:
        return f"{message['numberReceived']} instances, {message.get('completeness', '')}"
    return f"statecode {message['statecode']} {message.get('message', '')}".strip()


def _check(message: Mapping[str, Any]) -> None:
    """Everything that is read later is readable: what is acknowledged now cannot be refused any more."""
    check_notification(message)
    read_reports(message)
    if not 0 <= message["numberReceived"] < MOST_IMAGES:
        raise MessageError("numberReceived", message["numberReceived"], f"0 or more, below {MOST_IMAGES}")
    if not 0 <= message["priorities"] <= MOST_PRIORITY:
        raise MessageError("priorities", message["priorities"], f"0 to {MOST_PRIORITY}")
    identity = message.get("identity", {})
    if not isinstance(identity, dict) or not all(isinstance(value, str) for value in identity.values()):
        raise MessageError("identity", identity, "an object of texts")
    try:
        for folder in message.get("series", ()):
            from_document(SeriesFolder, folder)
            int(folder["numberReceived"])
            folder["filepath"].encode()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MessageError("series", message.get("series"), "a list of seriesUID, filepath and numberReceived") from error


def _known(study: Study, handover_id: str) -> bool:
    return handover_id in study.notified
