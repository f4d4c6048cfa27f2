"""Deliver: a worker takes a message, asks the backend, and acknowledges when the result is in (M22, M32)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ..domain import loglines
from ..domain.documents import from_document
from ..domain.errors import PermanentError, PipelineError, RetriableError, Unreachable
from ..domain.lifecycle import Event, State
from ..domain.messages import SeriesFolder
from ..domain.retry import RetryPolicy
from ..domain.study import RELEASE, HandOver, Study, iso
from ..faults import reach
from ..ports import Backend, Clock, Delivery, EventLog, FileCheck, QueueConsumer, StudyStore
from .changing import change, milliseconds
from .publish import owe_again, schedule_publishing

LOOK_S = 0.5
"""How often a waiting worker looks for the result, in seconds; also the time in which it notices a stop."""

_UNDECIDED = (State.META_ONLY, State.PULL_DATA, State.PULL_DATA_END)
"""Where a study stands while its newest hand-over decides what becomes of it; elsewhere something newer has."""


@dataclass(frozen=True)
class DeliveryPolicy:
    """Repeats; how long a result is waited for; the pause while nobody answers; how long folders are kept after a result."""

    retry: RetryPolicy
    result_timeout: timedelta
    unreachable_pause: timedelta
    retention: timedelta


@dataclass
class Deliver:
    """One delivery worker."""

    store: StudyStore
    consumer: QueueConsumer
    backend: Backend
    files: FileCheck
    clock: Clock
    log: EventLog
    policy: DeliveryPolicy
    worker: str
    stopping: Callable[[], bool] = bool

    def __call__(self, timeout: float) -> bool:
        """
        Deal with one message, if one comes within ``timeout`` seconds.

        Returns:
            Whether one came.

        Raises:
            RetriableError: RabbitMQ or the store is away; the message comes again.
        """
        delivery = self.consumer.take(timeout)
        if delivery is None:
            return False
        reach("consumed")
        try:
            self._deal_with(delivery)
        except Exception:
            self._give_back(delivery)
            raise
        return True

    def _deal_with(self, delivery: Delivery) -> None:
        self.log.line(loglines.worker_message(self.worker, delivery.message))
        study = self.store.get(str(delivery.message.get("studyUID", "")))
        item = study.handover(str(delivery.message.get("handoverID", ""))) if study else None
        if study is None or item is None:
            self.log.event("message of a study that the store does not know", "ERROR", message=dict(delivery.message))
            self.consumer.dead(delivery)
        elif not item.open:
            self._settle(delivery, dead=item.message_state == "dead")
        elif not self._files_there(item):
            self._files_lost(study.study_uid, item)
            self.consumer.done(delivery)
        else:
            self._deliver(study.study_uid, item, delivery)

    def _give_back(self, delivery: Delivery) -> None:
        """The store or something else failed on the way: the message must not stay in this worker's hand."""
        try:
            self.consumer.put_back(delivery)
        except PipelineError as error:
            self.log.event("message not given back, RabbitMQ does it", "WARNING", messageID=delivery.message_id, error=str(error))

    def _files_there(self, item: HandOver) -> bool:
        folders = [from_document(SeriesFolder, entry) for entry in item.message.get("series", ())]
        folders = folders or [SeriesFolder(item.series_uid, item.filepath, item.number_received)]
        count = self.files.count_files(folders, item.filepath)
        self.log.line(loglines.upload_files(item.filepath, count))
        return count >= item.number_received

    def _deliver(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        try:
            self.backend.submit(item.message, item.handover_id)
        except Unreachable as error:
            self._again(study_uid, item, str(error), counted=False)
            self.consumer.done(delivery)
        except RetriableError as error:
            self._settle(delivery, self._again(study_uid, item, str(error), counted=True))
        except PermanentError as error:
            self._settle(delivery, self._give_up(study_uid, item, str(error)))
        else:
            reach("posted")
            self._accepted(study_uid, item)
            self.log.line(loglines.upload_success(item.filepath))
            self._wait_for_result(study_uid, item, delivery)

    def _wait_for_result(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        """The message counts as done only when the result is in; until then it stays with RabbitMQ, whatever dies."""
        deadline = self.clock.now() + milliseconds(self.policy.result_timeout)
        while self.clock.now() < deadline:
            self.consumer.keep_alive(LOOK_S)
            state = self._state_of(study_uid, item)
            if state != "accepted":
                self._settle(delivery, state == "dead")
                return
            if self.stopping():
                self.consumer.put_back(delivery)
                return
        gone = self._again(study_uid, item, f"no result within {self.policy.result_timeout}", counted=True)
        self._settle(delivery, gone)

    def _settle(self, delivery: Delivery, dead: bool) -> None:
        if dead:
            self.consumer.dead(delivery)
        else:
            self.consumer.done(delivery)

    def _state_of(self, study_uid: str, item: HandOver) -> str:
        study = self.store.get(study_uid)
        stored = study.handover(item.handover_id) if study else None
        return stored.message_state if stored else "dead"

    def _accepted(self, study_uid: str, item: HandOver) -> None:
        def edit(stored: HandOver, study: Study) -> None:
            if stored.attempts != item.attempts:
                return  # the backend was so fast that its "failed" is in already
            now = self.clock.now()
            stored.message_state, stored.accepted_at = "accepted", iso(now)
            # The worker gives up after result_timeout; when worker and message are both gone, it is published again.
            stored.next_at = now + 2 * milliseconds(self.policy.result_timeout)
            schedule_publishing(study)
            stored.attempts += 1
            study.note("delivered", f"{item.filepath}, attempt {stored.attempts}", now, by=self.worker)

        self._edit(study_uid, item, edit)

    def _again(self, study_uid: str, item: HandOver, why: str, counted: bool) -> bool:
        """Owe the message again after a pause; True when that was the last attempt."""
        gone = False

        def edit(stored: HandOver, study: Study) -> None:
            nonlocal gone
            gone = fail_delivery(study, stored, why, self.clock.now(), self.policy, counted)

        self._edit(study_uid, item, edit)
        return gone

    def _give_up(self, study_uid: str, item: HandOver, why: str) -> bool:
        self._edit(study_uid, item, lambda stored, study: give_up(study, stored, why, self.clock.now(), self.policy))
        return True

    def _files_lost(self, study_uid: str, item: HandOver) -> None:
        """
        The RAM disk lost them before a result was in: pulled again, and handed over whatever was handed over before (M33).

        At once the first time, then with growing pauses: a folder that pacs_module cannot see would else be pulled without end.
        """

        def edit(stored: HandOver, study: Study) -> None:
            now = self.clock.now()
            stored.last_error = "files lost before the result"
            settle(study, stored, "lost", now, self.policy)
            if study.handovers[-1] is not stored or study.state not in _UNDECIDED:
                study.note(Event.FILES_LOST.value, f"{item.filepath}, not needed any more", now)
                return
            study.apply(Event.FILES_LOST, item.filepath, now)
            study.forced = True
            if study.state is State.META_ONLY:  # a pull that runs is repeated when it ends without a hand-over
                study.pull_now(now + self._pause_after_losses(study))

        self._edit(study_uid, item, edit)

    def _pause_after_losses(self, study: Study) -> int:
        kept = [place for place, item in enumerate(study.handovers, start=1) if item.message_state != "lost"]
        in_row = len(study.handovers) - max(kept, default=0)
        return milliseconds(self.policy.retry.pause_after(in_row - 1)) if in_row > 1 else 0

    def _edit(self, study_uid: str, item: HandOver, edit: Callable[[HandOver, Study], None]) -> None:
        def change_open(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or not stored.open:
                return False
            edit(stored, study)
            return True

        change(self.store, study_uid, change_open)


def fail_delivery(study: Study, item: HandOver, why: str, now: int, policy: DeliveryPolicy, counted: bool = True) -> bool:
    """
    Take a failed delivery into the document: owed again after a pause, or given up.

    Args:
        study: Changed in place.
        item: The hand-over of that study.
        why: What went wrong.
        now: Epoch milliseconds.
        policy: Pauses and limit.
        counted: False when the backend was never reached: no attempt is wasted on a backend that is down.

    Returns:
        Whether it was given up.
    """
    if not counted:
        item.last_error = why
        owe_again(study, item, now + milliseconds(policy.unreachable_pause))
        study.why = why
        return False
    if item.message_state != "accepted":
        item.attempts += 1  # accepted deliveries were counted when they were accepted
    if policy.retry.exhausted(item.attempts):
        give_up(study, item, f"{why}; attempt {item.attempts} was the last", now, policy)
        return True
    pause = policy.retry.pause_after(item.attempts)
    item.last_error = why
    owe_again(study, item, now + milliseconds(pause))
    study.why = f"{why}; again in {pause}"
    study.note("delivery failed", study.why, now)
    return False


def give_up(study: Study, item: HandOver, why: str, now: int, policy: DeliveryPolicy) -> None:
    """The hand-over will not be delivered; its message goes to the dead letters."""
    item.last_error = why
    settle(study, item, "dead", now, policy)
    if study.handovers[-1] is item and study.state in _UNDECIDED:
        study.apply(Event.DELIVERY_GIVEN_UP, why, now)
    else:
        study.note(Event.DELIVERY_GIVEN_UP.value, why, now)


def settle(study: Study, item: HandOver, message_state: str, now: int, policy: DeliveryPolicy) -> None:
    """No more is to come of a hand-over; its folder is released after the retention."""
    item.settle(message_state, now + milliseconds(policy.retention))
    study.schedule(RELEASE, min(item.next_at, study.due.get(RELEASE, item.next_at)))
    schedule_publishing(study)
