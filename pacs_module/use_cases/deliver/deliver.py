"""Deliver: a worker takes a message, asks the backend, and acknowledges when the result is in (M22, M32)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import Busy, PermanentError, PipelineError, Refused, RetriableError, Unreachable
from ...domain.explain import loglines
from ...domain.instants import iso, milliseconds
from ...domain.json_messages.documents import from_document
from ...domain.json_messages.messages import SeriesFolder
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.lifecycle import UNDER_WAY, Event, State
from ...domain.study.message_state import MessageEvent, MessageState
from ...domain.study.study import Study
from ...ports import Backend, Clock, Delivery, EventLog, FileCheck, QueueConsumer, StudyStore
from ...shared.crash_points import reach
from ..resolve_ids import study_named
from ..update_study import update_study
from .backend_circuit import BackendCircuit
from .delivery_outcome import DeliveryPolicy, fail_delivery, give_up, settle
from .publish import schedule_publishing

MAX_FAILURES = 3
"""
A message that fails a worker so often is buried: any error that no waiting helps, and the death of the
process.
"""
LOOK_S = 0.5
"""How often a waiting worker looks for the result, in seconds; also the time in which it notices a stop."""
GONE_S = 2.0
"""How often it looks whether the backend is still there, in seconds."""
_KEY_REFUSED = 401


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
    circuit: BackendCircuit
    worker: str
    counted: Callable[[str], None] = lambda outcome: None
    """Told of each try to deliver, for the numbers."""
    stopping: Callable[[], bool] = bool
    failed: dict[str, int] = field(default_factory=dict)
    """Failures by message id, as far as this worker knows."""
    adopt: Callable[[Mapping[str, Any]], bool] = lambda message: False
    """Takes in a message of a study that this store has lost; whether it is known now, and comes again."""
    is_foreign: Callable[[Delivery], bool] = lambda delivery: False
    """Whether a message that the store does not know is another installation's, at the same queue."""

    def __call__(self, timeout: float) -> bool:
        """
        Deal with one message, if one comes within ``timeout`` seconds.

        Returns:
            Whether one came.

        Raises:
            RetriableError: RabbitMQ or the store is away; the message comes again.
        """
        if not self.circuit.admit():
            self.consumer.keep_alive(timeout)
            return False
        try:
            return self._take(timeout)
        finally:
            self.circuit.give_back()

    def _take(self, timeout: float) -> bool:
        delivery = self.consumer.take(timeout)
        if delivery is None:
            return False
        reach("consumed")
        try:
            self._deal_with(delivery)
        except RetriableError:
            self._give_back(delivery)
            raise
        except Exception as error:
            if self._fails_too_often(delivery, error):
                return True
            self._give_back(delivery)
            raise
        except BaseException:  # the thread ends with it: its successor has the same hand
            self._give_back(delivery)
            raise
        return True

    def _fails_too_often(self, delivery: Delivery, error: Exception) -> bool:
        """
        Bury a message at its third failure of a kind that no waiting helps, whatever it is: it must not stop
        all others.
        """
        failures = self.failed[delivery.message_id] = self.failed.get(delivery.message_id, 0) + 1
        if failures < MAX_FAILURES:
            return False
        why = f"failed {failures} times, last with {type(error).__name__}: {error}"
        self._bury(delivery, why)
        return True

    def _bury(self, delivery: Delivery, why: str) -> None:
        """The message goes to the dead letters, and its hand-over with it if the store can be told."""
        self.failed.pop(delivery.message_id, None)
        told = {"messageID": delivery.message_id, "why": why}
        self.log.event("message_buried", "a message that no worker survives is buried", "ERROR", **told)
        try:
            self._note_burial(delivery, why)
        except Exception as error:
            told["error"] = str(error)
            self.log.event("burial_not_noted", "the study could not be told", "ERROR", **told)
        self.consumer.dead(delivery, why)

    def _note_burial(self, delivery: Delivery, why: str) -> None:
        study = study_named(self.store, str(delivery.message.get("studyUID", "")))
        if study is None:
            return
        item = study.handover(str(delivery.message.get("handoverID", "")))
        if item is not None:
            self._give_up(study.study_uid, item, why)

    def _deal_with(self, delivery: Delivery) -> None:
        self.log.line(loglines.worker_message(self.worker, delivery.message))
        study, item = self._meant(delivery)
        if study is not None and item is not None:
            self._deal_with_known(study.study_uid, item, delivery)
        elif self.is_foreign(delivery):
            self.consumer.leave(delivery)
            self.consumer.keep_alive(LOOK_S)  # where nothing else waits, it comes again at once
        elif not self._adopted(delivery):
            self._bury_unknown(delivery)

    def _bury_unknown(self, delivery: Delivery) -> None:
        words = "message of a study that the store does not know"
        self.log.event("message_of_unknown_study", words, "ERROR", message=dict(delivery.message))
        self.consumer.dead(delivery)

    def _deal_with_known(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        if not item.open:
            self._settle(delivery, dead=item.message_state is MessageState.DEAD)
        elif item.outdates(delivery.message_id):
            # Published twice, or its worker died: it is owed again, and comes when it is time.
            self.consumer.done(delivery)
        elif item.begun >= MAX_FAILURES:
            self._bury(delivery, f"{item.begun} workers died or failed while they delivered it")
        elif not self._files_there(item):
            self._files_lost(study_uid, item)
            self.consumer.done(delivery)
        else:
            self._deliver(study_uid, item, delivery)

    def _meant(self, delivery: Delivery) -> tuple[Study | None, HandOver | None]:
        study = study_named(self.store, str(delivery.message.get("studyUID", "")))
        return study, study.handover(str(delivery.message.get("handoverID", ""))) if study else None

    def _adopted(self, delivery: Delivery) -> bool:
        """
        Whether a hand-over that the store has lost is in it again: its message is owed anew, this one is done
        with.
        """
        if not self.adopt(delivery.message):
            return False
        self.log.event(
            "message_adopted",
            "a message of a study that the store had lost: the study is taken up again",
            "WARNING",
            studyUID=delivery.message.get("studyUID"),
            handoverID=delivery.message.get("handoverID"),
        )
        self.consumer.done(delivery)
        return True

    def _give_back(self, delivery: Delivery) -> None:
        """The store or something else failed on the way: the message must not stay in this worker's hand."""
        try:
            self.consumer.put_back(delivery)
        except PipelineError as error:
            self.log.event(
                "message_not_returned",
                "message not given back, RabbitMQ does it",
                "WARNING",
                messageID=delivery.message_id,
                error=str(error),
            )

    def _files_there(self, item: HandOver) -> bool:
        folders = [from_document(SeriesFolder, entry) for entry in item.message.get("series", ())]
        folders = folders or [SeriesFolder(item.series_uid, item.filepath, item.number_received)]
        count = self.files.count_files(folders, item.filepath)
        self.log.line(loglines.upload_files(item.filepath, count))
        return count >= item.number_received

    def _deliver(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        self._begin(study_uid, item)
        try:
            self.backend.submit(item.message, item.handover_id)
        except (Unreachable, Busy) as error:
            self._away(study_uid, item, error, delivery)
        except RetriableError as error:
            self.circuit.failed(error.public)
            self._settle(delivery, self._again(study_uid, item, "failed", str(error)))
        except PermanentError as error:
            self._refused(study_uid, item, error, delivery)
        else:
            self._posted(study_uid, item)
            self._wait_for_result(study_uid, item, delivery)

    def _posted(self, study_uid: str, item: HandOver) -> None:
        reach("posted")
        self.circuit.succeeded()
        self._accepted(study_uid, item)
        self.log.line(loglines.upload_success(item.filepath))

    def _refused(self, study_uid: str, item: HandOver, error: PermanentError, delivery: Delivery) -> None:
        if isinstance(error, Refused) and (error.status == _KEY_REFUSED or error.redirects):
            # Our key or our address is wrong: no fault of this hand-over, and all others would be refused
            # as well.
            self._away(study_uid, item, error, delivery)
            return
        self.circuit.succeeded()
        self._settle(delivery, self._give_up(study_uid, item, str(error)))

    def _begin(self, study_uid: str, item: HandOver) -> None:
        """Written down before the work: who dies over it three times in a row was killed by it (K8)."""

        def edit(stored: HandOver, study: Study) -> None:
            stored.begun += 1

        self._edit(study_uid, item, edit)

    def _away(self, study_uid: str, item: HandOver, error: PipelineError, delivery: Delivery) -> None:
        """The backend is not there, or not for us: no attempt is wasted on it."""
        self.circuit.failed(error.public, down=True, wait=error.wait if isinstance(error, Busy) else None)
        self._again(study_uid, item, "away", str(error), counted=False)
        self.consumer.done(delivery)

    def _wait_for_result(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        """
        The message counts as done only when the result is in; until then it stays with RabbitMQ, whatever
        dies.
        """
        timeout, waited, looked, before = milliseconds(self.policy.result_timeout), 0, 0, self.clock.now()
        while waited < timeout:
            self.consumer.keep_alive(LOOK_S)
            now = self.clock.now()
            waited, before = waited + max(now - before, 0), now  # a clock that is set back counts nothing
            if self._is_over(study_uid, item, delivery):
                return
            if waited - looked >= GONE_S * 1000:
                looked = waited
                if self.backend.gone():
                    self._backend_gone(study_uid, item, delivery)
                    return
        self._no_result(study_uid, item, delivery)

    def _no_result(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        why = f"no result within {self.policy.result_timeout}"
        self._settle(delivery, self._again(study_uid, item, "no result", why))

    def _is_over(self, study_uid: str, item: HandOver, delivery: Delivery) -> bool:
        """Whether the result is in or this worker is to stop; the message is settled or put back, then."""
        state = self._state_of(study_uid, item)
        if state is not MessageState.ACCEPTED:
            self._settle(delivery, state is MessageState.DEAD)
            return True
        if self.stopping():
            self.consumer.put_back(delivery)
            return True
        return False

    def _backend_gone(self, study_uid: str, item: HandOver, delivery: Delivery) -> None:
        why = "the backend has gone while it computed"
        self.circuit.failed(why, down=True)
        self._settle(delivery, self._again(study_uid, item, "gone", why))

    def _settle(self, delivery: Delivery, dead: bool) -> None:
        if dead:
            self.consumer.dead(delivery)
        else:
            self.consumer.done(delivery)

    def _state_of(self, study_uid: str, item: HandOver) -> MessageState:
        study = self.store.get(study_uid)
        stored = study.handover(item.handover_id) if study else None
        return stored.message_state if stored else MessageState.DEAD

    def _accepted(self, study_uid: str, item: HandOver) -> None:
        def edit(stored: HandOver, study: Study) -> None:
            if not stored.open:
                words = "its result was here before this was written down"  # for the story only
                stored.tried("accepted", words, self.clock.now(), self.worker)
            elif stored.attempts == item.attempts:  # else the backend was so fast that its "failed" is in
                self._take_acceptance(study, stored)

        self.counted("accepted")
        self._edit(study_uid, item, edit, only_open=False)

    def _take_acceptance(self, study: Study, stored: HandOver) -> None:
        now = self.clock.now()
        stored.begun = 0
        stored.take(MessageEvent.ACCEPT)
        stored.accepted_at = iso(now)
        # The worker gives up after result_timeout; when worker and message are both gone, it is published
        # again.
        stored.next_at = now + 2 * milliseconds(self.policy.result_timeout)
        schedule_publishing(study)
        stored.attempts += 1
        stored.tried("accepted", f"attempt {stored.attempts}", now, self.worker)
        study.note(Note.DELIVERED, f"{stored.filepath}, attempt {stored.attempts}", now, by=self.worker)

    def _again(self, study_uid: str, item: HandOver, outcome: str, why: str, counted: bool = True) -> bool:
        """Owe the message again after a pause; True when that was the last attempt."""
        gone = False

        def edit(stored: HandOver, study: Study) -> None:
            nonlocal gone
            now = self.clock.now()
            stored.begun = 0
            stored.tried(outcome, why, now, self.worker)
            gone = fail_delivery(study, stored, why, now, self.policy, counted)

        self.counted(outcome)
        self._edit(study_uid, item, edit)
        return gone

    def _give_up(self, study_uid: str, item: HandOver, why: str) -> bool:
        def edit(stored: HandOver, study: Study) -> None:
            now = self.clock.now()
            stored.tried("refused", why, now, self.worker)
            give_up(study, stored, why, now, self.policy)

        self.counted("refused")
        self._edit(study_uid, item, edit)
        return True

    def _files_lost(self, study_uid: str, item: HandOver) -> None:
        """
        The RAM disk lost them before a result was in: pulled again, and handed over whatever was handed over
        before (M33).

        At once the first time, then with growing pauses: a folder that pacs_module cannot see would else be
        pulled without end.
        """
        told = {"studyUID": study_uid, "handoverID": item.handover_id, "filepath": item.filepath}
        words = "the files of a hand-over are gone before its result; the study is pulled again"
        self.log.event("files_lost", words, "WARNING", **told)
        self._edit(study_uid, item, self._lose)

    def _lose(self, stored: HandOver, study: Study) -> None:
        now = self.clock.now()
        stored.last_error = "files lost before the result"
        settle(study, stored, MessageEvent.LOSE, now, self.policy)
        if study.last_handover is stored and study.state in UNDER_WAY:
            self._pull_lost(study, stored, now)
        else:
            study.note(Event.FILES_LOST, f"{stored.filepath}, not needed any more", now)

    def _pull_lost(self, study: Study, stored: HandOver, now: int) -> None:
        study.apply(Event.FILES_LOST, stored.filepath, now)
        study.forced = True
        if study.state is State.META_ONLY:  # a pull that runs is repeated when it ends without a hand-over
            study.pull_now(now + self._pause_after_losses(study))

    def _pause_after_losses(self, study: Study) -> int:
        kept = [
            place
            for place, item in enumerate(study.handovers, start=1)
            if item.message_state is not MessageState.LOST
        ]
        in_row = len(study.handovers) - max(kept, default=0)
        return milliseconds(self.policy.retry.pause_after(in_row - 1)) if in_row > 1 else 0

    def _edit(
        self, study_uid: str, item: HandOver, edit: Callable[[HandOver, Study], None], only_open: bool = True
    ) -> None:
        def change_open(study: Study) -> bool:
            stored = study.handover(item.handover_id)
            if stored is None or (only_open and not stored.open):
                return False
            edit(stored, study)
            return True

        update_study(self.store, study_uid, change_open)
