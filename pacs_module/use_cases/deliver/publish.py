"""Publish: the messages that study documents owe go to RabbitMQ, confirmed (M21, M31)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ...domain.explain import loglines
from ...domain.instants import iso, milliseconds
from ...domain.study.handover import HandOver
from ...domain.study.message_state import MessageEvent, MessageState
from ...domain.study.study import PUBLISH, Study
from ...ports import Clock, EventLog, Queue, StudyStore
from ...shared.crash_points import reach
from ..update_study import update_study

CLAIM_LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=5)
CHECK = timedelta(seconds=60)
"""
A message that no worker has taken after this is looked for: longer than a worker needs from taking it to
writing that down.
"""


@dataclass
class Publish:
    """
    The relay of the outbox.

    A crash between publishing and writing it down publishes again, under the same message id (hand-over and
    publication): a worker drops what is settled or out of date, and the rest meets the backend with one
    idempotency key.
    """

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
            RetriableError: RabbitMQ is away; the study is due again after a pause.
            PermanentError: The queue is missing or declared otherwise.
        """
        study = self.store.claim(PUBLISH, self.owner, self.clock.now(), milliseconds(CLAIM_LEASE))
        if study is None:
            return False
        try:
            self._publish_due(study)
        except Exception:
            # Not due at once again: it would stand in front of all others that are due since later.
            later = self.clock.now() + milliseconds(PAUSE)
            update_study(self.store, study.study_uid, lambda stored: schedule_publishing(stored, later))
            raise
        update_study(self.store, study.study_uid, schedule_publishing)
        return True

    def _publish_due(self, study: Study) -> None:
        for item in study.handovers:
            if item.publishable and item.next_at <= self.clock.now():
                self._publish(study.study_uid, item)

    def _publish(self, study_uid: str, item: HandOver) -> None:
        """
        Publish what is owed, and what is in RabbitMQ no more: a broker killed just after it made its queue
        has neither.
        """
        if item.message_state is not MessageState.QUEUED or self.queue.depth() == 0:
            self.queue.publish(item.message, item.message_id, item.message["priorities"])
            reach("published")
            self.log.line(loglines.sent_to_rabbitmq(study_uid))
        update_study(self.store, study_uid, partial(self._note, item))

    def _note(self, item: HandOver, study: Study) -> bool:
        """Write down that it is published, and when to look for it again."""
        stored = study.handover(item.handover_id)
        if stored is None or not stored.open or stored.next_at != item.next_at:
            return (
                False  # a worker had it and has written down what comes next before RabbitMQ confirmed to us
            )
        now = self.clock.now()
        stored.next_at, stored.published_at = now + milliseconds(CHECK), iso(now)
        if stored.message_state is MessageState.OWED:
            stored.take(MessageEvent.PUBLISH)
        return True


def schedule_publishing(study: Study, not_before: int = 0) -> bool:
    """Make the study due for the first of its hand-overs that wait for a result."""
    waiting = [item.next_at for item in study.handovers if item.publishable]
    study.schedule(PUBLISH, max(min(waiting), not_before) if waiting else None)
    return True


def owe_again(study: Study, item: HandOver, at: int) -> None:
    """The message is to be published again at epoch milliseconds."""
    item.take(MessageEvent.OWE)
    item.next_at = at
    item.publication += 1
    schedule_publishing(study)
