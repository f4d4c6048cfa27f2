"""
The outbox: each hand-over gets to RabbitMQ, whatever goes wrong in between.

Does not prove what RabbitMQ does with an unsettled message (tests/contract does).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pacs_module.domain.errors import PermanentError, RetriableError, Unreachable
from pacs_module.domain.study.study import PUBLISH
from tests.fakes.pipeline import H2, Pipeline


def test_rabbitmq_away_and_back(world: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    world.until_handed_over()
    publish = world.queue.publish

    def away(message: Mapping[str, Any], message_id: str, priority: int) -> None:
        raise RetriableError("RabbitMQ is away")

    monkeypatch.setattr(world.queue, "publish", away)
    for _ in range(3):
        with pytest.raises(RetriableError, match="away"):
            world.publish()
        assert world.handover_states() == ["owed"]
        assert not world.publish()
        world.clock.pass_seconds(5)
    monkeypatch.setattr(world.queue, "publish", publish)
    assert world.publish()
    assert (world.handover_states(), world.queue.depth()) == (["queued"], 1)
    assert not world.publish()


def test_a_message_that_cannot_be_published_lets_the_others_by(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.until_handed_over()
    world.clock.pass_seconds(1)
    world.accept(world.message(None, studyUID="1.2.3", handoverID=H2))
    publish = world.queue.publish

    def refuses(message: Mapping[str, Any], message_id: str, priority: int) -> None:
        if not message_id.startswith(H2):
            raise PermanentError("too large")
        publish(message, message_id, priority)

    monkeypatch.setattr(world.queue, "publish", refuses)
    with pytest.raises(PermanentError):
        world.publish()
    assert world.publish()
    assert world.study("1.2.3").handovers[0].message_state == "queued"


def test_killed_between_publishing_and_writing_it_down_it_is_published_again_and_computed_once(
    world: Pipeline,
) -> None:
    handover = world.until_handed_over()
    world.queue.publish(world.study().handovers[0].message, handover, 0)
    world.publish()
    assert world.queue.depth() == 2
    world.answers_while_waiting("completed")
    world.deliver(0)
    world.deliver(0)
    assert world.backend.submitted == [handover]
    assert world.queue.depth() == 0


def test_a_worker_that_is_faster_than_the_confirmation_is_not_overwritten(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    RabbitMQ delivers before it confirms: the backend is down, the message is put off, and only then the
    publisher goes on.
    """
    world.until_handed_over()
    publish = world.queue.publish
    world.backend.error = Unreachable("connection refused")

    def delivered_before_confirmed(message: Mapping[str, Any], message_id: str, priority: int) -> None:
        publish(message, message_id, priority)
        world.deliver(0)

    monkeypatch.setattr(world.queue, "publish", delivered_before_confirmed)
    world.publish()
    study = world.study()
    assert (world.handover_states(), world.queue.depth()) == (["owed"], 0)
    assert study.due[PUBLISH] == world.clock.now() + 15_000


def test_what_rabbitmq_lost_is_published_again(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.clock.pass_seconds(59)
    assert not world.publish()
    world.clock.pass_seconds(1)
    assert world.publish()
    assert world.queue.depth() == 1, "it waits for a worker: looked for, not published again"
    lost = world.queue.take(0)
    assert lost is not None
    world.clock.pass_seconds(60)
    assert world.publish()
    assert world.queue.depth() == 1


def test_an_accepted_delivery_whose_message_and_worker_are_gone_is_published_again(world: Pipeline) -> None:
    world.until_handed_over()
    world.publish()
    world.deliver.stopping = lambda: True
    assert world.deliver(0)
    assert world.study().handovers[0].message_state == "accepted"
    assert world.queue.take(0) is not None, "RabbitMQ has given it back, and is lost now"
    world.clock.pass_seconds(119)
    assert not world.publish()
    world.clock.pass_seconds(1)
    assert world.publish()
    assert world.queue.depth() == 1
