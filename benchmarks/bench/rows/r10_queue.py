"""Row 10: confirmed messages a second, and how long a top priority message waits behind 10,000 others."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pika

from benchmarks.bench.row import Line, Row, Scale
from pacs_module.adapters.queue.rabbitmq import RabbitConsumer, RabbitQueue, Topology
from stack.ports import free_ports
from stack.rabbitmq import RabbitmqNode, RabbitmqPorts
from stack.run_folder import RunFolder

TOP, ROUTINE = 4, 0
MESSAGE = {"studyUID": "1.2.3", "seriesUID": "1.2.3.1", "numberReceived": 300, "filepath": "/store_image/1"}


def run(scale: Scale) -> Sequence[Line]:
    """One node, one publisher, one worker."""
    waiting, times, part = scale.of(10_000, 100), scale.of(3, 1), scale.of(500, 30)
    with tempfile.TemporaryDirectory() as name, RunFolder(Path(name) / "run") as folder:
        node = RabbitmqNode(folder, RabbitmqPorts(*free_ports(3)))
        node.start()
        queue, worker = RabbitQueue(node.url), RabbitConsumer(node.url)
        ours, bare, waits = [], [], []
        for turn in range(times):
            ours.append(
                _rate(part, lambda number, turn=turn: queue.publish(MESSAGE, f"{turn}:{number}", ROUTINE))
            )
            bare.append(_bare_rate(node.url, part))
        _fill(node.url, waiting - times * part)
        for number in range(scale.of(20, 2)):
            begin = time.perf_counter()
            queue.publish(MESSAGE, f"top:{number}", TOP)
            taken = worker.take(10.0)
            waits.append(1000 * (time.perf_counter() - begin))
            if taken is None or not taken.message_id.startswith("top"):
                raise ValueError(f"{taken and taken.message_id} came before the top priority message")
            worker.done(taken)
        queue.close()
        worker.close()
        node.stop()
    return [
        Line("confirmed messages", "a second", tuple(ours), "pika alone, confirmed and durable", tuple(bare)),
        Line(f"top priority behind {waiting:,}: published to in a worker's hand", "ms", tuple(waits)),
    ]


def _rate(number: int, publish: object) -> float:
    begin = time.perf_counter()
    for one in range(number):
        publish(one)  # type: ignore[operator]
    return number / (time.perf_counter() - begin)


def _bare_rate(url: str, number: int) -> float:
    """The least that a durable message costs: a queue of its own, publisher confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("bare", durable=True)
    channel.confirm_delivery()
    durable = pika.BasicProperties(delivery_mode=2)
    rate = _rate(
        number,
        lambda one: channel.basic_publish("", "bare", f"{MESSAGE} {one}".encode(), durable, mandatory=True),
    )
    channel.queue_delete("bare")
    connection.close()
    return rate


def _fill(url: str, number: int) -> None:
    """So many more messages wait, not confirmed: how long that takes is not what is asked."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for one in range(number):
        properties = pika.BasicProperties(message_id=f"fill:{one}", priority=ROUTINE)
        channel.basic_publish("", Topology().queue, json.dumps(MESSAGE).encode(), properties)
    connection.close()


ROW = Row(
    10,
    "queue",
    "a RabbitMQ node of its own; publishing by our adapter, against pika alone",
    run,
    needs=("rabbitmqctl",),
)
