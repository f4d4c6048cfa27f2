"""
Row 10: confirmed messages a second, and how long a top priority message waits behind 10,000 others; in the
classic queue by priority, and in quorum queues, one for each class.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pika

from benchmarks.bench.row import Line, Row, Scale
from pacs_module.adapters.queue.rabbitmq import RabbitConsumer, RabbitQueue
from pacs_module.adapters.queue.topology import QuorumTopology, Topology
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts

TOP, ROUTINE = 4, 0
MESSAGE = {"studyUID": "1.2.3", "seriesUID": "1.2.3.1", "numberReceived": 300, "filepath": "/store_image/1"}


def run(scale: Scale) -> Sequence[Line]:
    """One node, one publisher, one worker; first one kind of queues, then the other."""
    waiting, times, part = scale.of(10_000, 100), scale.of(3, 1), scale.of(500, 30)
    with tempfile.TemporaryDirectory() as name, RunFolder(Path(name) / "run") as folder:
        node = RabbitmqNode(folder, RabbitmqPorts(*free_ports(3)))
        node.start()
        classic, bare = _rates(node.url, Topology(), times, part)
        waits = _waits(node.url, Topology(), waiting - times * part, scale.of(20, 2))
        _empty(node.url, Topology())  # else they are moved into the quorum queues
        quorum, bare_quorum = _rates(node.url, QuorumTopology(), times, part)
        quorum_waits = _waits(node.url, QuorumTopology(), waiting - times * part, scale.of(20, 2))
        node.stop()
    alone, hand = "pika alone, confirmed and durable", "published to in a worker's hand"
    return [
        Line("confirmed messages", "a second", tuple(classic), alone, tuple(bare)),
        Line(f"top priority behind {waiting:,}: {hand}", "ms", tuple(waits)),
        Line("confirmed messages, quorum queues", "a second", tuple(quorum), alone, tuple(bare_quorum)),
        Line(f"top priority behind {waiting:,}, quorum queues: {hand}", "ms", tuple(quorum_waits)),
    ]


def _rates(url: str, topology: Topology, times: int, part: int) -> tuple[list[float], list[float]]:
    """Messages a second by our adapter and by pika alone, in turns."""
    queue, ours, bare = RabbitQueue(url, topology), [], []
    for turn in range(times):
        ours.append(
            _rate(part, lambda number, turn=turn: queue.publish(MESSAGE, f"{turn}:{number}", ROUTINE))
        )
        bare.append(_bare_rate(url, part, topology.kind))
    queue.close()
    return ours, bare


def _waits(url: str, topology: Topology, more: int, times: int) -> list[float]:
    """Milliseconds until a message of the top class is in a worker's hand."""
    queue, worker, waits = RabbitQueue(url, topology), RabbitConsumer(url, topology), []
    _fill(url, topology.queue_for(ROUTINE), more)
    for number in range(times):
        begin = time.perf_counter()
        queue.publish(MESSAGE, f"top:{number}", TOP)
        taken = worker.take(10.0)
        waits.append(1000 * (time.perf_counter() - begin))
        if taken is None or not taken.message_id.startswith("top"):
            raise ValueError(f"{taken and taken.message_id} came before the top priority message")
        worker.done(taken)
    queue.close()
    worker.close()
    return waits


def _empty(url: str, topology: Topology) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    for queue in topology.queues:
        connection.channel().queue_purge(queue)
    connection.close()


def _rate(number: int, publish: object) -> float:
    begin = time.perf_counter()
    for one in range(number):
        publish(one)  # type: ignore[operator]
    return number / (time.perf_counter() - begin)


def _bare_rate(url: str, number: int, kind: dict[str, Any]) -> float:
    """The least that a durable message costs: a queue of its own, publisher confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("bare", durable=True, arguments=kind)
    channel.confirm_delivery()
    durable = pika.BasicProperties(delivery_mode=2)
    rate = _rate(
        number,
        lambda one: channel.basic_publish("", "bare", f"{MESSAGE} {one}".encode(), durable, mandatory=True),
    )
    channel.queue_delete("bare")
    connection.close()
    return rate


def _fill(url: str, queue: str, number: int) -> None:
    """So many more messages wait, not confirmed: how long that takes is not what is asked."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for one in range(number):
        properties = pika.BasicProperties(message_id=f"fill:{one}", priority=ROUTINE)
        channel.basic_publish("", queue, json.dumps(MESSAGE).encode(), properties)
    connection.close()


ROW = Row(
    10,
    "queue",
    "a RabbitMQ node of its own; publishing by our adapter, against pika alone",
    run,
    needs=("rabbitmqctl",),
)
