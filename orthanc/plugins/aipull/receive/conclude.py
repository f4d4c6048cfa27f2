"""Carries out what was decided of a received study: lines, export, and one journal write that owes pacs_module the messages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pacs_module.domain.explain import loglines
from pacs_module.domain.receive.completeness import Completeness, Expectations
from pacs_module.domain.receive.decision import (  # fmt: skip
    FAILED,
    FILTERED,
    NOTHING_NEW,
    RECEIVED,
    SHORT_OUTCOME,
    Asked,
    Decision,
    decide,
    series_reports,
)
from pacs_module.domain.receive.reception_state import ReceptionEvent
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.wire.documents import to_document
from pacs_module.domain.wire.messages import FILTERED_OUT, IMAGES, PullReport, SeriesReport, notification
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..hand_over.folder import Exported, HandoverFolder, ToExport
from ..journal.handovers import HandoverRow
from ..journal.pulls import Pull
from ..journal.tables import Tables
from ..runtime.clock import hospital_time, now_ms
from ..server.rest import OrthancRest, absent_as_none
from .arrival import Arrival


@dataclass(frozen=True)
class Received:
    """A study taken to be received: with its pull (None: unasked), what was asked for, and how complete it is."""

    arrival: Arrival
    pull: Pull | None
    asked: Asked
    expected: Expectations
    completeness: Completeness


@dataclass(frozen=True)
class Concluder:
    """The effects, in the order that loses nothing: files first, then lines, then one transaction."""

    tables: Tables
    rest: OrthancRest
    folder: HandoverFolder
    switches: Switches
    zone: ZoneInfo
    log: ContractLog

    def drop_broken(self, arrival: Arrival) -> None:
        """Images that are not whole in the store are as good as not received: deleted, so that the count says so."""
        broken = self.folder.broken(one.orthanc_id for parts in arrival.series.values() for one in parts)
        if broken:
            self.rest.delete_instances(broken)
            words = "images that are not whole in Orthanc's store are deleted, to be pulled again"
            self.log.event("broken_images_deleted", words, level="ERROR", studyUID=arrival.row.study_uid, images=len(broken))
            arrival.refresh(self.rest)

    def conclude(self, received: Received) -> str:
        """Decide and carry out; the outcome. An exception means that nothing was journaled and it can be done again."""
        arrival, pull = received.arrival, received.pull
        last = self.tables.handovers.last(arrival.row.study_uid)
        decision = decide(arrival.counts, arrival.judged, received.completeness, received.asked, last, self.switches)
        handover_id = uuid.uuid4().hex
        row, base, exported = self._export(received, decision, handover_id)
        self._lines(received, decision, last.instances if last else None)
        message = self._message(received, decision, handover_id, exported)
        report = self._report(received, decision)
        with self.tables.journal.transaction():
            if row is not None:
                self.tables.handovers.add(row, base, now_ms())
            if message is not None:
                self.tables.journal.to_send(arrival.row.study_uid, "notify", message)
            self._owe_report(pull, report)
            event = ReceptionEvent.FALL_SHORT if decision.outcome == SHORT_OUTCOME else ReceptionEvent.CONCLUDE
            arrival.row = self.tables.receptions.move(arrival.row, event, now_ms(), arrival.counts)
        reach("journaled")
        arrival.grew = False
        self._event(received, decision, exported)
        return decision.outcome

    def would_send(self, arrival: Arrival, completeness: Completeness, asked: Asked) -> bool:
        """Whether what is here now would be handed over."""
        last = self.tables.handovers.last(arrival.row.study_uid)
        return decide(arrival.counts, arrival.judged, completeness, asked, last, self.switches).outcome == RECEIVED

    def nothing_came(self, pull: Pull, expected: Expectations, completeness: Completeness) -> None:
        """A pull has ended and the study is not here."""
        for check in completeness.checks:
            self.log.line(loglines.completeness_check(check))
        reports = series_reports({}, {}, pull.request, expected)
        words = "no image came"
        report = PullReport(
            uuid.uuid4().hex, pull.request.pull_id, pull.request.study_uid, FAILED, completeness.words, 0, words, series=reports
        )
        self.tables.pulls.conclude(pull, report)

    def _owe_report(self, pull: Pull | None, report: PullReport) -> None:
        if pull is not None:
            self.tables.pulls.conclude(pull, report)
        elif report.outcome != SHORT_OUTCOME:
            self.tables.journal.to_send(report.study_uid, "pull_report", to_document(report))

    def _export(
        self, received: Received, decision: Decision, handover_id: str
    ) -> tuple[HandoverRow | None, str, Exported | None]:
        if decision.outcome != RECEIVED or decision.choice is None:
            return None, "", None
        arrival, chosen = received.arrival, decision.choice.series
        parts = [ToExport(one.series_uid, arrival.orthanc_series(one.series_uid), one.instances) for one in chosen]
        base = parts[0].orthanc_ids[0]
        name = self.tables.handovers.next_folder(base)
        study = arrival.row.study_uid
        about = {"handoverID": handover_id, "studyUID": study, "completeness": received.completeness.words}
        exported = self.folder.export(name, parts, decision.dx, about)
        reach("exported")
        number = sum(one.number_received for one in exported.series)
        uids = tuple(one.series_uid for one in chosen)
        row = HandoverRow(handover_id, study, uids, number, name, "given", exported.size, arrival.row.number)
        return row, base, exported

    def _lines(self, received: Received, decision: Decision, last: int | None) -> None:
        arrival, study = received.arrival, received.arrival.row.study_uid
        self.log.line(loglines.stable_study(study))
        for check in received.completeness.checks:
            self.log.line(loglines.completeness_check(check))
        self.log.line(loglines.where_from(study, *self._sender(arrival, decision)))
        if decision.outcome == FILTERED:
            identity = arrival.identity()
            self.log.line(loglines.study_filtered(identity["AccessionNumber"], identity["PatientID"], study))
        if decision.choice is None:
            return
        first = decision.choice.series[0]
        if not decision.dx:
            self.log.line(loglines.thickest_series(study, first.series_uid, first.instances))
        if decision.outcome == NOTHING_NEW:
            self.log.line(loglines.notinform(study))
        elif last is not None:
            self.log.line(loglines.reinform(study, last, hospital_time(self.zone), first.series_uid, decision.choice.instances))

    def _message(
        self, received: Received, decision: Decision, handover_id: str, exported: Exported | None
    ) -> Mapping[str, Any] | None:
        if decision.outcome not in (RECEIVED, FILTERED):
            return None
        arrival, pull = received.arrival, received.pull
        last = pull or self.tables.pulls.last(arrival.row.study_uid)
        folders = exported.series if exported else ()
        ae_title, address = self._sender(arrival, decision)
        return notification(
            study_uid=arrival.row.study_uid,
            series_uid=folders[0].series_uid if folders else next(iter(arrival.series), ""),
            number_received=sum(one.number_received for one in folders),
            filepath=exported.filepath if exported else "",
            calling_ae_title=ae_title,
            calling_address=address,
            series_count=len(folders),
            received_seconds=f"{max(now_ms() - arrival.row.opened_at, 0) / 1000:.1f}",
            priority=last.request.priority if last else 0,
            is_push=arrival.row.is_push,
            last_update_time=hospital_time(self.zone),
            handover_id=handover_id,
            completeness=received.completeness.words,
            pull_id=pull.request.pull_id if pull else "",
            series=folders,
            reports=self._reports(received),
            identity=arrival.identity(),
            statecode=IMAGES if decision.outcome == RECEIVED else FILTERED_OUT,
            message="" if decision.outcome == RECEIVED else decision.why,
            announced=_announced(received),
        )

    def _sender(self, arrival: Arrival, decision: Decision) -> tuple[str, str]:
        uids = [one.series_uid for one in decision.choice.series] if decision.choice else []
        instance = arrival.first_instance([*uids, *arrival.series])
        metadata = absent_as_none(lambda: self.rest.metadata(instance)) if instance else None
        return (metadata or {}).get("RemoteAET", ""), (metadata or {}).get("RemoteIP", "")

    def _reports(self, received: Received) -> tuple[SeriesReport, ...]:
        return series_reports(received.arrival.counts, received.arrival.judged, received.asked.request, received.expected)

    def _report(self, received: Received, decision: Decision) -> PullReport:
        pull = received.pull
        return PullReport(
            report_id=uuid.uuid4().hex,
            pull_id=pull.request.pull_id if pull else "",
            study_uid=received.arrival.row.study_uid,
            outcome=decision.outcome,
            completeness=received.completeness.words,
            received=sum(received.arrival.counts.values()),
            message=decision.why,
            series=self._reports(received),
        )

    def _event(self, received: Received, decision: Decision, exported: Exported | None) -> None:
        files: dict[str, Any] = {"linked": exported.linked, "copied": exported.copied} if exported else {}
        self.log.event(
            "study_concluded", "study concluded",
            studyUID=received.arrival.row.study_uid, outcome=decision.outcome, why=decision.why,
            completeness=received.completeness.words,
            pullID=received.pull.request.pull_id if received.pull else "", counts=received.arrival.counts,
            **files,
        )


def _announced(received: Received) -> dict[str, Any]:
    """What images that came unasked were counted against."""
    request = received.asked.request
    if received.pull is not None or request is None or not received.arrival.row.is_push:
        return {}
    return {"pacs": request.pacs, "expected": request.expected}
