"""
Carries out what was decided of a received study: lines, export, and one journal write that owes pacs_module
the messages.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from pacs_module.domain.explain import loglines
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import (
    FILTERED_OUT,
    IMAGES,
    PullReport,
    PullRequest,
    ReceptionNote,
    SeriesReport,
)
from pacs_module.domain.json_messages.notification import Notification
from pacs_module.domain.receive.completeness import Completeness, Expectations
from pacs_module.domain.receive.decision import (
    FAILED,
    FILTERED,
    NOTHING_NEW,
    RECEIVED,
    SHORT_OUTCOME,
    Asked,
    Decision,
    decide,
)
from pacs_module.domain.receive.reception_notes import notes_of, sources_of
from pacs_module.domain.receive.reception_state import ReceptionEvent
from pacs_module.domain.receive.series_reports import series_reports, with_headers
from pacs_module.domain.rules.choice import Choice, HandedOver
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.series_agreement.agreement import Agreement
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..hand_over.folder import Exported, HandoverFolder, ToExport
from ..hand_over.unchecked_pushes import UncheckedPushes
from ..journal.handovers import HandoverRow
from ..journal.pulls import Pull
from ..journal.receptions import Reception
from ..journal.tables import Tables
from ..runtime.clock import hospital_time, now_ms
from ..server.orthanc_client import InstanceHere, OrthancClient
from .arriving_study import ArrivingStudy
from .identify import Identified


@dataclass(frozen=True)
class Received:
    """
    A study taken to be received.

    Args:
        arrival: What is here.
        pull: The pull that it came in; None: unasked, or after its end.
        asked: What was asked for.
        expected: What the PACS announced, or has now.
        completeness: Whether all of that is here.
        found: The images that may be handed over.
        usable: Of each series, without odd ones and in their order.
        needed: The series that were proved whole while others may still arrive; None: nothing arrives any
            more.
    """

    arrival: ArrivingStudy
    pull: Pull | None
    asked: Asked
    expected: Expectations
    completeness: Completeness
    found: Identified
    usable: Mapping[str, Sequence[InstanceHere]]
    needed: frozenset[str] | None = None

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return self.arrival.row.study_uid

    @property
    def proved(self) -> bool:
        """Whether the images are known to be those of a PACS, or no PACS knows the study."""
        return self.found.provenance.certain

    @property
    def counts(self) -> dict[str, int]:
        """Images of the PACS by SeriesInstanceUID."""
        return self.found.provenance.counts

    @property
    def set_aside(self) -> dict[str, str]:
        """Series of which all images were left out, with the reason."""
        here = self.counts
        rejected = self.found.provenance.rejected
        return {one.image.series_uid: one.why.value for one in rejected if one.image.series_uid not in here}

    def agreement(self, series_uid: str) -> Agreement | None:
        """Which images of a series agree, where some do not."""
        known = self.arrival.agreement(series_uid, self.found.sop_uids(series_uid))
        return known if known is not None and known.odd else None

    @property
    def notes(self) -> tuple[ReceptionNote, ...]:
        """What is unusual about its images."""
        request = self.asked.request
        asked_as = request.patient_id if request is not None and self.pull is not None else ""
        notes = notes_of(self.found.provenance, self.completeness, asked_as)
        words = self.arrival.quarantined
        return (*notes, ReceptionNote("quarantined", words)) if words else notes


@dataclass(frozen=True)
class _Made:
    """A hand-over that is in the folder and not in the journal yet; ``base``: its name without a number."""

    row: HandoverRow
    base: str
    exported: Exported


@dataclass(frozen=True)
class Concluder:
    """The effects, in the order that loses nothing: files first, then lines, then one transaction."""

    tables: Tables
    rest: OrthancClient
    folder: HandoverFolder
    switches: Switches
    zone: ZoneInfo
    log: ContractLog
    quarantined: Callable[[str, int], str] = lambda _study, _since: ""
    """What of a study came after a moment (epoch milliseconds) and lies in quarantine, in words."""
    receiver: str = ""
    """What this Orthanc is called, where there are several."""

    @property
    def _unproved(self) -> UncheckedPushes:
        return UncheckedPushes(self.tables.journal)

    def drop_broken(self, arrival: ArrivingStudy) -> None:
        """
        Images that are not whole in the store are as good as not received: deleted, so that the count says
        so.
        """
        broken = self.folder.broken(one.orthanc_id for parts in arrival.series.values() for one in parts)
        words = "images that are not whole in Orthanc's store are deleted, to be pulled again"
        self.drop(arrival, broken, "broken_images_deleted", words)

    def drop(self, arrival: ArrivingStudy, images: Sequence[str], key: str, words: str) -> None:
        """Delete single images of a study that goes on."""
        if not images:
            return
        self.rest.delete_instances(list(images))
        self.log.event(key, words, level="ERROR", studyUID=arrival.row.study_uid, images=len(images))
        arrival.refresh(self.rest)

    def decide(self, received: Received) -> Decision:
        """What becomes of what is here."""
        decision = self._decide(received, received.asked)
        if decision.outcome == NOTHING_NEW and self._differs(received, decision):
            forced = self._decide(received, replace(received.asked, forced=True))
            return replace(
                forced, why=f"{forced.why}; what was pushed before is something else than the PACS has"
            )
        return decision

    def _decide(self, received: Received, asked: Asked) -> Decision:
        return decide(
            received.counts,
            received.arrival.judged,
            received.completeness,
            asked,
            self._last(received),
            received.arrival.rules or self.switches,
            {uid: len(images) for uid, images in received.usable.items()},
            received.found.provenance.patient_ids,
        )

    def _last(self, received: Received) -> HandedOver | None:
        """What was handed over last: as our journal has it, or pacs_module where another receiver did it."""
        request = received.asked.request
        own = self.tables.handovers.last(received.study_uid, _is_for_destinations(request))
        if own is not None and own.reception == received.arrival.row.number:
            return own
        if request is not None and request.before_series:
            return HandedOver(request.before_series, request.before_instances)
        return own

    def _differs(self, received: Received, decision: Decision) -> bool:
        """
        Whether the PACS's own images are others than those that somebody had pushed and that were handed
        over.
        """
        folder = self._unproved.folder_of(received.study_uid)
        if folder is None or decision.choice is None or not received.proved:
            return False
        images = [image for one in decision.choice.series for image in received.usable[one.series_uid]]
        return not self.folder.has_same(folder, images)

    def conclude(self, received: Received, counted: Mapping[str, int]) -> str:
        """
        Decide and carry out; the outcome. An exception means that nothing was journaled and it can be done
        again.

        Args:
            received: What is here, as it was judged.
            counted: Images by SeriesInstanceUID when it was judged: what came since is news, and is told.
        """
        arrival, pull = received.arrival, received.pull
        last = self._last(received)
        decision = self.decide(received)
        if decision.outcome == SHORT_OUTCOME:
            self._make_way(received)
        handover_id = uuid.uuid4().hex
        made = self._export(received, decision, handover_id)
        exported = made.exported if made is not None else None
        self._lines(received, decision, last.instances if last else None)
        message = self._message(received, decision, handover_id, exported)
        report = self._report(received, decision, last)
        with self.tables.journal.transaction():
            self._note_handover(received, decision, made)
            if message is not None:
                self.tables.journal.to_send(received.study_uid, "notify", message)
            if made is not None and message is not None:
                self.tables.handovers.keep_notification(handover_id, message)
            self._owe_report(pull, report)
            arrival.row = self._closed(arrival, decision, counted)
        reach("journaled")
        arrival.grew = False
        self._event(received, decision, exported)
        return decision.outcome

    def _note_handover(self, received: Received, decision: Decision, made: _Made | None) -> None:
        if made is not None:
            self.tables.handovers.add(made.row, made.base, now_ms())
        if made is not None or (decision.outcome == NOTHING_NEW and received.proved):
            folder = made.row.folder if made is not None else ""
            self._unproved.note(received.study_uid, folder, received.proved)

    def _closed(self, arrival: ArrivingStudy, decision: Decision, counted: Mapping[str, int]) -> Reception:
        """The reception in its new state; one that is short counts without what has made way."""
        if decision.outcome == SHORT_OUTCOME:
            event, counted = ReceptionEvent.FALL_SHORT, arrival.counts
        else:
            event = ReceptionEvent.CONCLUDE
        return self.tables.receptions.move(arrival.row, event, now_ms(), counted)

    def _make_way(self, received: Received) -> None:
        """What is not the PACS's goes before the next pull, which counts what is here."""
        rejected = [one.image.orthanc_id for one in received.found.provenance.rejected]
        words = (
            "images that are not the PACS's, or not any more, are deleted before the study is pulled again"
        )
        self.drop(received.arrival, rejected, "other_images_deleted", words)

    def tell_late(
        self, report: PullReport, series: tuple[SeriesReport, ...], received: Received, completeness: str
    ) -> None:
        """Owe pacs_module the verdicts on what came after a pull's report; it ends no pull."""
        late = PullReport(
            report_id=uuid.uuid4().hex,
            pull_id="",
            study_uid=report.study_uid,
            outcome=NOTHING_NEW,
            completeness=completeness,
            received=received.found.provenance.total,
            message="images came after the report",
            series=series,
            notes=received.notes,
            handover_id=report.handover_id,
            after_pull=report.pull_id,
        )
        self.tables.journal.to_send(report.study_uid, "pull_report", to_document(late))

    def nothing_came(self, pull: Pull, expected: Expectations, completeness: Completeness) -> None:
        """A pull has ended and the study is not here."""
        for check in completeness.checks:
            self.log.line(loglines.completeness_check(check))
        reports = series_reports({}, {}, pull.request, expected)
        words = self.quarantined(pull.request.study_uid, pull.asked_at) or "no image came"
        report = PullReport(
            uuid.uuid4().hex,
            pull.request.pull_id,
            pull.request.study_uid,
            FAILED,
            completeness.words,
            0,
            words,
            series=reports,
        )
        self.tables.pulls.conclude(pull, report)

    def _owe_report(self, pull: Pull | None, report: PullReport) -> None:
        if pull is not None:
            self.tables.pulls.conclude(pull, report)
        elif report.outcome != SHORT_OUTCOME:
            self.tables.journal.to_send(report.study_uid, "pull_report", to_document(report))

    def _export(self, received: Received, decision: Decision, handover_id: str) -> _Made | None:
        """Put the chosen series into the folder; None: nothing is handed over."""
        if decision.outcome != RECEIVED or decision.choice is None:
            return None
        arrival, chosen, study = received.arrival, decision.choice.series, received.study_uid
        parts = [self._part(received, one.series_uid) for one in chosen]
        base = parts[0].folder_id
        name = self.tables.handovers.next_folder(base)
        about = _about(received, handover_id, [one.series_uid for one in chosen])
        exported = self.folder.export(name, parts, decision.dx, about)
        reach("exported")
        number = sum(one.number_received for one in exported.series)
        uids = tuple(one.series_uid for one in chosen)
        row = HandoverRow(
            handover_id, study, uids, number, name, size=exported.size, reception=arrival.row.number,
            for_destinations=_is_for_destinations(received.asked.request),
        )  # fmt: skip
        return _Made(row, base, exported)

    def _part(self, received: Received, series_uid: str) -> ToExport:
        images, census = received.usable[series_uid], received.found.census
        numbers = Counter(image.series_id for image in images)
        folder_id = min(numbers, key=lambda one: (-numbers[one], one))
        return ToExport(series_uid, folder_id, tuple(images), received.study_uid, census.patients)

    def _lines(self, received: Received, decision: Decision, last: int | None) -> None:
        study = received.study_uid
        self.log.line(loglines.stable_study(study))
        for check in received.completeness.checks:
            self.log.line(loglines.completeness_check(check))
        self.log.line(loglines.where_from(study, *_sender(received, decision)))
        if decision.outcome == FILTERED:
            identity = _identity(received)
            self.log.line(loglines.study_filtered(identity["AccessionNumber"], identity["PatientID"], study))
        if decision.choice is not None and not _is_for_destinations(received.asked.request):
            self._lines_of_choice(study, decision, decision.choice, last)

    def _lines_of_choice(self, study: str, decision: Decision, choice: Choice, last: int | None) -> None:
        first = choice.series[0]
        if not decision.dx:
            self.log.line(loglines.thickest_series(study, first.series_uid, first.instances))
        if decision.outcome == NOTHING_NEW:
            self.log.line(loglines.notinform(study))
        elif last is not None:
            now = hospital_time(self.zone)
            self.log.line(loglines.reinform(study, last, now, first.series_uid, choice.instances))

    def _message(
        self, received: Received, decision: Decision, handover_id: str, exported: Exported | None
    ) -> Mapping[str, Any] | None:
        if decision.outcome not in (RECEIVED, FILTERED):
            return None
        arrival, pull = received.arrival, received.pull
        last = pull or self.tables.pulls.last(arrival.row.study_uid)
        folders = exported.series if exported else ()
        ae_title, address = _sender(received, decision)
        made = Notification(
            study_uid=arrival.row.study_uid,
            series_uid=folders[0].series_uid if folders else next(iter(received.counts), ""),
            number_received=sum(one.number_received for one in folders),
            filepath=exported.filepath if exported else "",
            calling_ae_title=ae_title,
            calling_address=address,
            series_count=len(folders),
            received_seconds=f"{max(now_ms() - arrival.row.opened_at, 0) / 1000:.1f}",
            priority=last.request.priority if last else 0,
            is_push=int(arrival.row.is_push and pull is None),
            last_update_time=hospital_time(self.zone),
            handover_id=handover_id,
            completeness=received.completeness.words,
            pull_id=pull.request.pull_id if pull else "",
            receiver=self.receiver,
            series=folders,
            reports=self._reports(received, decision),
            identity=_identity(received),
            statecode=IMAGES if decision.outcome == RECEIVED else FILTERED_OUT,
            message="" if decision.outcome == RECEIVED else decision.why,
            announced=_announced(received),
            notes=received.notes,
            patient_ids=received.found.provenance.patient_ids,
        )
        return made.to_message()

    def _reports(self, received: Received, decision: Decision) -> tuple[SeriesReport, ...]:
        request, judged = received.asked.request, received.arrival.judged
        return series_reports(
            received.counts, judged, request, received.expected, decision, received.set_aside
        )

    def _report(self, received: Received, decision: Decision, last: HandedOver | None) -> PullReport:
        pull = received.pull
        before = last.handover_id if last is not None and decision.outcome == NOTHING_NEW else ""
        return PullReport(
            report_id=uuid.uuid4().hex,
            pull_id=pull.request.pull_id if pull else "",
            study_uid=received.study_uid,
            outcome=decision.outcome,
            completeness=received.completeness.words,
            received=received.found.provenance.total,
            message=decision.why,
            series=with_headers(self._reports(received, decision), received.arrival.judged),
            notes=received.notes,
            handover_id=before,
            after_pull=self._after_pull(received),
        )

    def _after_pull(self, received: Received) -> str:
        """The pull that the images came after; empty for those of a pull, and for unasked ones."""
        row = received.arrival.row
        if received.pull is not None or row.is_push or not row.counted:
            return ""
        last = self.tables.pulls.last(received.study_uid)
        return last.request.pull_id if last is not None else ""

    def _event(self, received: Received, decision: Decision, exported: Exported | None) -> None:
        files: dict[str, Any] = {"linked": exported.linked, "copied": exported.copied} if exported else {}
        self.log.event(
            "study_concluded",
            "study concluded",
            studyUID=received.study_uid,
            outcome=decision.outcome,
            why=decision.why,
            completeness=received.completeness.words,
            pullID=received.pull.request.pull_id if received.pull else "",
            counts=received.counts,
            notes=[one.words for one in received.notes],
            **files,
        )


def _about(received: Received, handover_id: str, series: Sequence[str]) -> dict[str, object]:
    """The manifest's head: whose images these are, from where they came, and what was left out."""
    provenance = received.found.provenance
    images = [image for image in provenance.accepted if image.series_uid in series]
    return {
        "handoverID": handover_id,
        "studyUID": received.study_uid,
        "patientID": provenance.patient_ids[0] if provenance.patient_ids else "",
        "patientIDs": list(provenance.patient_ids),
        "numberOfImages": sum(len(received.usable[uid]) for uid in series),
        "completeness": received.completeness.words,
        "sources": sources_of(images),
        "notes": to_document(received.notes),
        "oddImages": [_odd(received, uid) for uid in series if received.agreement(uid) is not None],
    }


def _odd(received: Received, series_uid: str) -> dict[str, object]:
    """The images of a series that do not agree with the others, and whether they were left out."""
    agreement = received.agreement(series_uid)
    odd = agreement.odd if agreement is not None else ()
    handed_over = {image.sop_instance_uid for image in received.usable[series_uid]}
    images = [{"sopInstanceUID": one.sop_uid, "why": one.why.value, "value": one.value} for one in odd]
    left_out = not any(one.sop_uid in handed_over for one in odd)
    return {
        "seriesUID": series_uid,
        "words": agreement.words if agreement else "",
        "leftOut": left_out,
        "images": images,
    }


def _sender(received: Received, decision: Decision) -> tuple[str, str]:
    """Who sent the images that are handed over, or the first ones here."""
    uids = [one.series_uid for one in decision.choice.series] if decision.choice else list(received.counts)
    images = [image for uid in uids[:1] for image in received.found.images(uid)]
    return (images[0].ae_title, images[0].address) if images else ("", "")


def _identity(received: Received) -> dict[str, str]:
    """What the images say of their study, under the PatientID that the PACS has."""
    patients = received.found.provenance.patient_ids
    identity = received.arrival.identity(received.counts)
    return {**identity, "PatientID": patients[0]} if patients else identity


def _announced(received: Received) -> dict[str, Any]:
    """What images that came unasked were counted against."""
    request = received.asked.request
    if received.pull is not None or request is None or not received.arrival.row.is_push:
        return {}
    return {
        "pacs": request.pacs,
        "expected": request.expected,
        **({} if received.proved else {"proved": False}),
    }


def _is_for_destinations(request: PullRequest | None) -> bool:
    """Whether it asks for series that the backend does not get."""
    return request is not None and bool(request.for_destinations)
