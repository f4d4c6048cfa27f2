"""
pacs_module with one safeguard taken out: ``unsafe.py SAFEGUARD run --settings FILE``.

Only for the proof that the auditor sees what such a pipeline loses. The shipped code has no switch for any of
this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from pika.spec import BasicProperties

from pacs_module.adapters.queue import rabbitmq
from pacs_module.cli.app import main
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.study import PUBLISH, Study
from pacs_module.service import bootstrap
from pacs_module.service.service import Service
from pacs_module.use_cases.deliver import publish
from pacs_module.use_cases.deliver.deliver import Deliver
from pacs_module.use_cases.receive.accept_notification import AcceptNotification


def without_outbox() -> None:
    """The usual dual write: first the state, then the message, from memory."""
    build, schedule, accept = bootstrap.build, Study.schedule, AcceptNotification.__call__
    services: list[Service] = []

    def built(settings: Any, echo: Any = None) -> Service:
        services.append(build(settings, echo))
        return services[0]

    def not_published(self: Study, work: str, at: int | None) -> None:
        schedule(self, work, None if work == PUBLISH else at)

    def then_publish(self: AcceptNotification, message: Mapping[str, Any]) -> bool:
        fresh = accept(self, message)
        if fresh:
            services[0].queue.publish(message, message["handoverID"], message["priorities"])
        return fresh

    from pacs_module.cli import serve

    serve.build = built  # type: ignore[attr-defined]
    Study.schedule = not_published  # type: ignore[method-assign]
    AcceptNotification.__call__ = then_publish  # type: ignore[method-assign]


def without_confirms() -> None:
    """
    Sent and forgotten, from memory to memory: neither confirmed, nor written to RabbitMQ's disk, nor looked
    for later.
    """

    def sent(self: rabbitmq.RabbitQueue, body: bytes, properties: BasicProperties) -> None:
        properties.delivery_mode = 1  # transient
        with self._link.channel() as channel:
            channel.basic_publish("", self._topology.queue, body, properties)

    rabbitmq.RabbitQueue._publish = sent  # type: ignore[method-assign, assignment]
    publish.CHECK = timedelta(days=365)


def without_repull() -> None:
    """Files that are gone stay gone: the hand-over is given up."""

    def give_up(self: Deliver, study_uid: str, item: HandOver) -> None:
        self._give_up(study_uid, item, "the files are gone")

    Deliver._files_lost = give_up  # type: ignore[method-assign]


SAFEGUARDS: Mapping[str, Callable[[], None]] = {
    "outbox": without_outbox,
    "confirms": without_confirms,
    "re-pull": without_repull,
}

if __name__ == "__main__":
    SAFEGUARDS[sys.argv.pop(1)]()
    main()
