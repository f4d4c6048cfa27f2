"""
What becomes of a hand-over when a delivery fails, is given up, or has its result: the same for workers and
results.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...domain.instants import milliseconds
from ...domain.retry import RetryPolicy
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.lifecycle import UNDER_WAY, Event
from ...domain.study.message_state import MessageEvent, MessageState
from ...domain.study.study import RELEASE, Study
from .publish import owe_again, schedule_publishing


@dataclass(frozen=True)
class DeliveryPolicy:
    """
    Repeats; how long a result is waited for; the pause while nobody answers; how long folders are kept after
    a result.
    """

    retry: RetryPolicy
    result_timeout: timedelta
    unreachable_pause: timedelta
    retention: timedelta


def fail_delivery(
    study: Study, item: HandOver, why: str, now: int, policy: DeliveryPolicy, counted: bool = True
) -> bool:
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
        _owe_later(study, item, why, now + milliseconds(policy.unreachable_pause))
        study.why = why
        return False
    if item.message_state is not MessageState.ACCEPTED:
        item.attempts += 1  # accepted deliveries were counted when they were accepted
    if policy.retry.exhausted(item.attempts):
        give_up(study, item, f"{why}; attempt {item.attempts} was the last", now, policy)
        return True
    pause = policy.retry.pause_after(item.attempts)
    _owe_later(study, item, why, now + milliseconds(pause))
    _tell_failed(study, f"{why}; again in {pause}", now)
    return False


def _tell_failed(study: Study, why: str, now: int) -> None:
    study.why = why
    study.note(Note.DELIVERY_FAILED, why, now)


def _owe_later(study: Study, item: HandOver, why: str, at: int) -> None:
    item.last_error = why
    owe_again(study, item, at)


def give_up(study: Study, item: HandOver, why: str, now: int, policy: DeliveryPolicy) -> None:
    """The hand-over will not be delivered; its message goes to the dead letters."""
    item.last_error = why
    settle(study, item, MessageEvent.GIVE_UP, now, policy)
    if study.last_handover is item and study.state in UNDER_WAY:
        study.apply(Event.DELIVERY_GIVEN_UP, why, now)
    else:
        study.note(Event.DELIVERY_GIVEN_UP, why, now)


def settle(study: Study, item: HandOver, event: MessageEvent, now: int, policy: DeliveryPolicy) -> None:
    """No more is to come of a hand-over; its folder is released after the retention."""
    item.settle(event, now + milliseconds(policy.retention))
    study.schedule(RELEASE, min(item.next_at, study.due.get(RELEASE, item.next_at)))
    schedule_publishing(study)
