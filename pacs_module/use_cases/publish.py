"""Publish: the messages that study documents owe go to RabbitMQ, confirmed (M21, M31)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..domain import loglines
from ..domain.study import PUBLISH, HandOver, Study, iso
from ..ports import Clock, EventLog, Queue, StudyStore
from .changing import change, milliseconds

CLAIM_LEASE = timedelta(seconds=60)


@dataclass
class Publish:
    """The relay of the outbox. A crash between publishing and writing it down publishes again; the delivery sees that."""

    store: StudyStore
    queue: Queue
    clock: Clock
    log: EventLog
    owner: str

    def __call__(self) -> bool:
        """
        Publish what one study owes.

        Returns:
            Whether there was one.

        Raises:
            RetriableError: RabbitMQ is away; the study stays due when the lease is over, or at once by :meth:`give_back`.
            PermanentError: The queue is missing or declared otherwise.
        """
        study = self.store.claim(PUBLISH, self.owner, self.clock.now(), milliseconds(CLAIM_LEASE))
        if study is None:
            return False
        try:
            self._publish(study)
        except Exception:
            change(self.store, study.study_uid, lambda stored: self._schedule(stored))
            raise
        return True

    def _publish(self, study: Study) -> None:
        now = self.clock.now()
        published = [item for item in study.handovers if item.message_state == "owed" and item.next_at <= now]
        for item in published:
            self.queue.publish(item.message, item.handover_id, item.message["priorities"])
            self.log.line(loglines.sent_to_rabbitmq(study.study_uid))
        ids = {item.handover_id for item in published}

        def edit(stored: Study) -> bool:
            for item in stored.handovers:
                if item.handover_id in ids and item.message_state == "owed":
                    item.message_state, item.published_at = "queued", iso(self.clock.now())
            return self._schedule(stored)

        change(self.store, study.study_uid, edit)

    @staticmethod
    def _schedule(study: Study) -> bool:
        owed = [item.next_at for item in study.handovers if item.message_state == "owed"]
        study.schedule(PUBLISH, min(owed, default=None))
        return True


def owe_again(study: Study, item: HandOver, at: int) -> None:
    """The message is to be published again at epoch milliseconds."""
    item.message_state, item.next_at = "owed", at
    study.schedule(PUBLISH, min(at, study.due.get(PUBLISH, at)))
