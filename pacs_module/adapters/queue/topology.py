"""
The queues in RabbitMQ: names and arguments, here and nowhere else.

RabbitMQ refuses a second declaration that differs from the first. One node: a classic queue by message
priority. A cluster: quorum queues, which survive the loss of a node and know no priorities (RabbitMQ 3
refuses ``x-max-priority``, 4 has two weighted classes), so each class of the contract has a queue of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from ...domain.study.priority import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE
from .amqp_messages import MAX_PRIORITY

_DELIVERIES = 1_000_000
"""
RabbitMQ 4 drops a message at its 21st delivery unless told otherwise; here each death of a worker is one.
With a limit a message that is given back stays in its place, without one it goes to the end.
"""
_CLASSES = {MANUAL: "manual", EMERGENCY: "emergency", GREEN_CHANNEL: "green", ROUTINE: "routine"}
"""Most urgent first."""


@dataclass(frozen=True)
class Topology:
    """One classic queue with message priorities."""

    queue: str = "aipull.delivery"
    dead_exchange: str = "aipull.dead"
    dead_queue: str = "aipull.dead"

    @property
    def installation_queue(self) -> str:
        """
        Holds one message, the id of the installation; it is lost with all others when somebody resets
        RabbitMQ.
        """
        return f"{self.queue}.installation"

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the queue of deliveries."""
        return {
            "x-queue-type": "classic",
            "x-max-priority": MAX_PRIORITY,
            "x-dead-letter-exchange": self.dead_exchange,
        }

    @property
    def queues(self) -> tuple[str, ...]:
        """Where deliveries wait, the most urgent ones first."""
        return (self.queue,)

    @property
    def kind(self) -> dict[str, Any]:
        """Arguments of every queue."""
        return {"x-queue-type": "classic"}

    def queue_for(self, priority: int) -> str:
        """Where a delivery of this priority waits."""
        del priority
        return self.queue

    def declare(self, channel: BlockingChannel) -> None:
        """
        Make exchange and queues if they are not there; the dead-letter side first, so that nothing can be
        dropped.
        """
        channel.exchange_declare(self.dead_exchange, "fanout", durable=True)
        channel.queue_declare(self.dead_queue, durable=True, arguments=self.kind)
        channel.queue_bind(self.dead_queue, self.dead_exchange)
        for queue in self.queues:
            channel.queue_declare(queue, durable=True, arguments=self.arguments)
        one = {**self.kind, "x-max-length": 1}  # a second message takes the place of the first
        channel.queue_declare(self.installation_queue, durable=True, arguments=one)


@dataclass(frozen=True)
class QuorumTopology(Topology):
    """One quorum queue for each class of priority; names of their own beside those of the classic queue."""

    dead_exchange: str = "aipull.delivery.dead"
    dead_queue: str = "aipull.delivery.dead"

    @property
    def installation_queue(self) -> str:
        """As of the classic one, under another name."""
        return f"{self.queue}.quorum.installation"

    @property
    def kind(self) -> dict[str, Any]:
        """Replicated on the nodes of the cluster."""
        return {"x-queue-type": "quorum", "x-delivery-limit": _DELIVERIES}

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the queues of deliveries."""
        return {**self.kind, "x-dead-letter-exchange": self.dead_exchange}

    @property
    def queues(self) -> tuple[str, ...]:
        """Where deliveries wait, the most urgent ones first."""
        return tuple(f"{self.queue}.{name}" for name in _CLASSES.values())

    def queue_for(self, priority: int) -> str:
        """The queue of its class, or of the next one below."""
        known = next((one for one in _CLASSES if one <= priority), ROUTINE)
        return f"{self.queue}.{_CLASSES[known]}"


def topology_of(quorum: bool) -> Topology:
    """As the settings say."""
    return QuorumTopology() if quorum else Topology()
