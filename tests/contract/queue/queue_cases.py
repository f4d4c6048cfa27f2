"""The queues under test: the shipped fake and real RabbitMQ, each test with queues of its own."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pika

from pacs_module.adapters.queue.memory import MemoryConsumer, MemoryQueue
from pacs_module.adapters.queue.rabbitmq import RabbitConsumer, RabbitQueue
from pacs_module.adapters.queue.topology import QuorumTopology, Topology

PUBLISHER = "1" * 32


def own_topology() -> Topology:
    name = f"test.{uuid.uuid4().hex[:12]}"
    return Topology(queue=name, dead_exchange=f"{name}.dead", dead_queue=f"{name}.dead")


def quorum_topology() -> QuorumTopology:
    name = f"test.{uuid.uuid4().hex[:12]}"
    return QuorumTopology(queue=name, dead_exchange=f"{name}.dead", dead_queue=f"{name}.dead")


@contextmanager
def raw_channel(url: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def remove(url: str, topology: Topology) -> None:
    with raw_channel(url) as channel:
        for queue in topology.queues:
            channel.queue_delete(queue)
        channel.queue_delete(topology.dead_queue)
        channel.queue_delete(topology.installation_queue)
        channel.exchange_delete(topology.dead_exchange)


@dataclass
class QueueCase:
    """A queue under test; an empty ``url`` is the fake."""

    url: str = ""
    topology: Topology = field(default_factory=own_topology)
    opened: list[RabbitQueue | RabbitConsumer | MemoryConsumer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue: MemoryQueue | RabbitQueue = (
            RabbitQueue(self.url, self.topology, lambda: PUBLISHER)
            if self.url
            else MemoryQueue(lambda: PUBLISHER)
        )

    def consumer(self) -> MemoryConsumer | RabbitConsumer:
        if isinstance(self.queue, MemoryQueue):
            return MemoryConsumer(self.queue)
        consumer = RabbitConsumer(self.url, self.topology, "test")
        self.opened.append(consumer)
        return consumer

    def close(self) -> None:
        for item in (*self.opened, self.queue):
            item.close()
        if self.url:
            remove(self.url, self.topology)
