"""
A notification of the plugins: the state change and the message to RabbitMQ that it causes are one write (M30,
M31).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.dicom.attributes import dashed_date, plain_time, split_values, unpadded
from ...domain.errors import MessageError
from ...domain.explain import loglines
from ...domain.instants import iso
from ...domain.json_messages.notification import Notification, read_notification
from ...domain.receive.completeness import SHORT, UNVERIFIED
from ...domain.receive.image_origin import patient_key
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.lifecycle import BY_HAND, Event, State
from ...domain.study.message_state import MessageEvent
from ...domain.study.second_receiver import computed_already, series_of
from ...domain.study.study import PUBLISH, PULL, RELEASE, WATCH, Pull, Study
from ...domain.study.uploads import schedule_routing
from ...ports import Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..deliver.anonymise import hold
from ..pull.record_pull_end import nothing_new_event, pull_what_was_asked_meanwhile
from ..update_study import update_study
from ..upload import other_series


@dataclass
class AcceptNotification:
    """
    Idempotent by ``handoverID``: the plugins repeat until they are acknowledged.

    Args:
        store: The studies.
        clock: The hospital's.
        log: For the contract's lines.
        anonymise: What is handed over is held back until it has no names.
        destinations: Whether hand-overs go to destinations beside the backend.
        is_inside: Whether a folder lies below the hand-over folder, links resolved.
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    anonymise: bool = False
    is_inside: Callable[[str], bool] = lambda path: True
    destinations: bool = False

    def __call__(self, message: Mapping[str, Any]) -> bool:
        """
        Take a notification in.

        Returns:
            False when this one was known already.

        Raises:
            MessageError: It cannot be used.
        """
        read = read_notification(message)
        if read.filepath and not self.is_inside(read.filepath):
            raise MessageError("filepath", read.filepath, "a folder below the hand-over folder")
        self.log.line(loglines.received_notify(message))
        if self.store.get(read.study_uid) is None:
            self.store.insert(self._pushed(read))
        before: HandOver | None = None
        fresh = False
        wanted_by: list[str] = []

        def edit(study: Study) -> bool:
            nonlocal before, fresh, wanted_by
            wanted_by = _wanted_by(study, read)
            before, fresh = study.last_handover, read.handover_id not in study.notified
            if fresh:
                self._take(study, read, message)
            return fresh

        update_study(self.store, read.study_uid, edit)
        reach("outbox_written")
        if fresh and before is not None and read.has_images and not wanted_by:
            self.log.line(loglines.calc_again(read.study_uid, before.message_state))
        return fresh

    def _take(self, study: Study, read: Notification, message: Mapping[str, Any]) -> None:
        now = self.clock.now()
        study.notified = [*study.notified, read.handover_id]
        wanted_by = _wanted_by(study, read)
        if wanted_by:
            self._other_series(study, read, message, wanted_by, now)
            return
        study.remember_series(read.reports, now)
        same = self._take_images(study, read, message, now)
        pull = study.pull if study.pull is not None and study.pull.request.pull_id == read.pull_id else None
        if same is not None and study.state not in BY_HAND:
            _settle_without_it(study, pull, now)
        else:
            self._go_on(study, pull, read, now)

    def _take_images(
        self, study: Study, read: Notification, message: Mapping[str, Any], now: int
    ) -> HandOver | None:
        """Hand the images over; returns what was computed of the very same ones before."""
        other_patient = _of_another_patient(study, read)
        same = computed_already(study, read) if read.has_images else None
        if same is not None:
            self._not_again(study, _handover(study, read, message, now), same, now)
        elif read.has_images:
            self._hand_over(study, _handover(study, read, message, now), now, bool(other_patient))
        if other_patient:
            study.note(Note.IMAGES, other_patient, now, by="plugins")
        return same

    def _go_on(self, study: Study, pull: Pull | None, read: Notification, now: int) -> None:
        """The study's next state, and what follows from the pull that it was, or from none."""
        event = Event.RECEIVED if read.has_images else Event.FILTERED_OUT
        arrived = sum(report.received for report in read.reports)
        if pull is None and _goes_on(study, arrived):
            why = f"{_why(read)}; not of the pull that is due or runs"
            study.note(event, why, now, by="plugins")
            return
        study.apply(event, _why(read), now, by="plugins")
        study.sightings = []
        study.schedule(PULL, None)
        if pull is None:
            self._unasked(study, read, arrived, now)
        else:
            _of_our_pull(study, pull, read.has_images, now)
            self._pull_the_others(study, pull, read, now)

    def _other_series(
        self, study: Study, read: Notification, message: Mapping[str, Any], wanted_by: list[str], now: int
    ) -> None:
        """Series beside those to compute: their destinations get them, and nothing else changes."""
        if read.has_images:
            item = _handover(study, read, message, now)
            item.destinations = wanted_by
            other_series.handed_over(study, item, now)
        else:
            other_series.not_pulled(study, wanted_by, read.message, now)
        pull = study.pull
        if pull is None or pull.request.pull_id != read.pull_id:
            return
        if study.state is State.PULL_DATA:
            study.apply(nothing_new_event(study), f"other series: {_why(read)}", now, by="plugins")
        if not pull.running:
            study.schedule(WATCH, None)
            pull_what_was_asked_meanwhile(study, now)

    def _not_again(self, study: Study, item: HandOver, same: HandOver, now: int) -> None:
        """Two receivers have pulled it, because the first one did not answer: one hand-over is computed."""
        item.settle(MessageEvent.CANCEL, now)
        study.schedule(RELEASE, now)
        place = study.handovers.index(same)  # the last one stays the one that counts
        study.handovers = [*study.handovers[:place], item, *study.handovers[place:]]
        words = f"the same images as hand-over {same.handover_id} of {same.receiver}: not computed again"
        study.note(Note.TAKEN_OVER, words, now, by=item.receiver or "plugins")

    def _unasked(self, study: Study, read: Notification, arrived: int, now: int) -> None:
        """Images that came by themselves: what may lack is pulled, and what was odd is told."""
        study.baseline = max(study.baseline or 0, arrived)
        self._pull_the_rest(study, read, now)
        self._pull_what_nobody_counted(study, read, now)
        for told in read.notes:
            study.note(Note.IMAGES, told.words, now, by="plugins")

    def _pull_the_others(self, study: Study, pull: Pull, read: Notification, now: int) -> None:
        """
        The series that was pulled ahead is filtered out by its images: another one may be the one to compute.
        """
        if read.has_images or not pull.early or study.state in BY_HAND:
            return
        study.apply(Event.GREW, "only some of its series were pulled, and these are filtered out", now)
        study.pull_now(now)

    def _pull_the_rest(self, study: Study, read: Notification, now: int) -> None:
        """
        Images came unasked, and the PACS that knows the study has more of it, or perhaps others: it is
        pulled.
        """
        unproved = read.announced.get("proved") is False
        if read.pushed_against is None or not (unproved or read.completeness.startswith(SHORT)):
            return
        pacs, expected = read.pushed_against
        study.saw(pacs, expected, now)
        if study.state in BY_HAND:
            return
        words = f"pushed {read.completeness}; the rest is pulled from {pacs}"
        if unproved:
            by = f"pushed {read.completeness} by a sender that is not known"
            words = f"{by}; pulled from {pacs}, which knows the study"
        study.apply(Event.GREW, words, now)
        study.pull_now(now)

    def _pull_what_nobody_counted(self, study: Study, read: Notification, now: int) -> None:
        """
        Images came unasked and were counted against nothing, because no PACS knew the study or nobody could
        be asked: whose they are is not known. The first PACS that has the study is asked for it once,
        whatever its count.
        """
        if read.pushed_against is not None or read.completeness != UNVERIFIED:
            return
        study.baseline = 0
        for copy in study.pacs.values():
            copy.tried = None
        if study.pacs and study.state not in BY_HAND:
            words = f"pushed {UNVERIFIED}, counted against nothing; pulled from a PACS that has it"
            study.apply(Event.GREW, words, now)
            study.pull_now(now)

    def _hand_over(self, study: Study, item: HandOver, now: int, other_patient: bool) -> None:
        """
        A study that a person has closed is computed no more, and another patient's images are not: what comes
        is kept as cancelled and its folder let go.
        """
        study.handovers = [*study.handovers, item]
        if self.destinations:
            schedule_routing(study, now)
        if study.state in BY_HAND or other_patient:
            item.settle(MessageEvent.CANCEL, now)
            study.schedule(RELEASE, now)
        elif self.anonymise:
            hold(study, item, now)
        else:
            study.schedule(PUBLISH, now)

    def _pushed(self, read: Notification) -> Study:
        """A study that came without our asking, as its own images describe it."""
        identity = read.identity
        return Study(
            study_uid=read.study_uid,
            study_date=dashed_date(identity.get("StudyDate", "")),
            study_time=plain_time(identity.get("StudyTime", "")),
            accession_number=identity.get("AccessionNumber", ""),
            patient_id=identity.get("PatientID", ""),
            study_description=identity.get("StudyDescription", ""),
            modality=list(split_values(identity.get("ModalitiesInStudy", ""))),
            priority=read.priority,
            own_priority=read.priority,
            is_push=read.is_push == 1,
            first_seen_at=iso(self.clock.now()),
        )


def _goes_on(study: Study, arrived: int) -> bool:
    """Images beside our own pull do not end it, unless they are all that the PACS has."""
    if study.state is State.PULL_DATA:
        return True
    return study.state is State.META_ONLY and not (study.count is not None and arrived >= study.count)


def _of_another_patient(study: Study, read: Notification) -> str:
    """
    In words, that images which nobody could count are another patient's than each PACS told; else empty.

    The plugins set such images aside themselves where anybody answers them (K1).
    """
    patient = unpadded(str(read.identity.get("PatientID", "")))
    told = {unpadded(one) for name in study.pacs if (one := study.told_patient_id(name)).strip()}
    counted = read.pushed_against is not None or read.completeness != UNVERIFIED
    same = patient_key(patient) in set(map(patient_key, told))
    if counted or read.is_push != 1 or not told or not patient or same:
        return ""
    return f"pushed under PatientID {patient!r}, the PACS has {', '.join(sorted(told))!r}: not computed"


def _of_our_pull(study: Study, pull: Pull, handed_over: bool, now: int) -> None:
    if study.satisfied_by(pull.request, handed_over):
        study.forget_wish()
    if not pull.running:
        study.schedule(WATCH, None)
        pull_what_was_asked_meanwhile(study, now)


def _settle_without_it(study: Study, pull: Pull | None, now: int) -> None:
    """What has come twice ends its own pull, and changes nothing else."""
    if pull is None:
        return
    study.apply(nothing_new_event(study), "another receiver has handed it over", now)
    study.sightings = []
    study.schedule(PULL, None)
    _of_our_pull(study, pull, True, now)


def _wanted_by(study: Study, read: Notification) -> list[str]:
    """The destinations whose pull brought it; none: it is for the backend."""
    pulls = (study.pull, *reversed(study.pulls))
    asked = (pull.request for pull in pulls if pull and pull.request.pull_id == read.pull_id)
    request = next(asked, None)
    return list(request.for_destinations) if request is not None and read.pull_id else []


def _receiver_of(study: Study, read: Notification) -> str:
    """Whose RAM disk has the folder: as its plugins say, else where the pull was asked for."""
    pulls = (study.pull, *reversed(study.pulls))
    asked = (pull.request.receiver for pull in pulls if pull and pull.request.pull_id == read.pull_id)
    return read.receiver or next(asked, "")


def _handover(study: Study, read: Notification, message: Mapping[str, Any], now: int) -> HandOver:
    return HandOver(
        receiver=_receiver_of(study, read),
        pull_id=read.pull_id,
        series_uids=list(series_of(read)),
        handover_id=read.handover_id,
        series_uid=read.series_uid,
        number_received=read.number_received,
        filepath=read.filepath,
        completeness=read.completeness,
        message=dict(message),  # as it came: it goes on letter by letter
        received_at=iso(now),
    )


def _why(read: Notification) -> str:
    if read.has_images:
        return f"{read.number_received} instances, {read.completeness}"
    return f"statecode {read.statecode} {read.message}".strip()
