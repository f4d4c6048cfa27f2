"""A notification of the plugins: the state change and the message to RabbitMQ that it causes are one write (M30, M31)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..domain import loglines
from ..domain.lifecycle import Event
from ..domain.messages import IMAGES, check_notification, read_reports
from ..domain.study import PULL, PUBLISH, HandOver, Study, iso
from ..domain.values import dashed_date, parse_count, plain_time, split_values
from ..ports import Clock, EventLog, StudyStore
from .changing import change


@dataclass
class AcceptNotification:
    """Idempotent by ``handoverID``: the plugins repeat until they are acknowledged."""

    store: StudyStore
    clock: Clock
    log: EventLog

    def __call__(self, message: Mapping[str, Any]) -> bool:
        """
        Take a notification in.

        Returns:
            False when this one was known already.

        Raises:
            MessageError: It cannot be used.
        """
        check_notification(message)
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
        if fresh and before is not None and message["statecode"] == IMAGES:
            self.log.line(loglines.calc_again(message["studyUID"], before.message_state))
        return fresh

    def _take(self, study: Study, message: Mapping[str, Any]) -> None:
        now = self.clock.now()
        reports = read_reports(message)
        study.remember_series(reports, now)
        study.notified = [*study.notified, message["handoverID"]]
        study.forced = False
        if study.pull is None:
            study.baseline = sum(report.received for report in reports)
        if message["statecode"] != IMAGES:
            study.apply(Event.FILTERED_OUT, f"statecode {message['statecode']} {message['message']}".strip(), now, by="plugins")
            study.schedule(PULL, None)
            return
        handover = HandOver(
            handover_id=message["handoverID"],
            series_uid=message["seriesUID"],
            number_received=message["numberReceived"],
            filepath=message["filepath"],
            completeness=str(message.get("completeness", "")),
            message=dict(message),
            received_at=iso(now),
        )
        study.handovers = [*study.handovers, handover]
        why = f"{handover.number_received} instances, {handover.completeness}"
        study.apply(Event.RECEIVED, why, now, by="plugins")
        study.schedule(PULL, None)
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
            priority=parse_count(message["priorities"]) or 0,
            is_push=message["isPush"] == 1,
            first_seen_at=iso(self.clock.now()),
        )


def _known(study: Study, handover_id: str) -> bool:
    return handover_id in study.notified
