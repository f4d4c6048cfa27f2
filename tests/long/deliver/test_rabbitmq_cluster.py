"""
Three RabbitMQ nodes as a cluster, each killed in turn; and a delivery that outlasts RabbitMQ's time limit.

Debian's RabbitMQ 3.10, three nodes over loopback of one machine. Not proved here: a network that is cut between
them, RabbitMQ 4, its speed over a network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pacs_module.adapters.queue.rabbitmq import RabbitConsumer, RabbitQueue
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.study.priority import MANUAL, ROUTINE
from pacs_module.ports.delivery import BrokerAddress
from stack.ports import LOOPBACK, free_ports
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from tests.contract.queue.queue_cases import own_topology, quorum_topology
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server("rabbitmq"), pytest.mark.timeout(900)]

NODES = 3
LONG = 60.0
TICK = " -rabbit channel_tick_interval 500"
"""How often RabbitMQ looks whether a delivery is too old: each minute otherwise."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[RabbitmqNode]]:
    """The first one is started alone, the others join it."""
    epmd = free_ports(1)[0]
    with ExitStack() as folders:
        nodes: list[RabbitmqNode] = []
        for number in range(NODES):
            run = folders.enter_context(RunFolder(tmp_path / f"node{number}"))
            amqp, distribution = free_ports(2)
            node = RabbitmqNode(run, RabbitmqPorts(amqp, distribution, epmd))
            if nodes:
                node.join(nodes[0])
            node.start()
            nodes.append(node)
        yield nodes


def address_of(nodes: list[RabbitmqNode]) -> BrokerAddress:
    first, *others = nodes
    return BrokerAddress(
        first.url, nodes=tuple(f"{LOOPBACK}:{one.ports.amqp}" for one in others), quorum=True
    )


def test_each_node_killed_in_turn_loses_no_confirmed_message_and_keeps_the_order_of_classes(
    cluster: list[RabbitmqNode],
) -> None:
    topology = quorum_topology()
    address = address_of(cluster)
    confirmed: list[str] = []
    taken: list[str] = []
    with (
        closing(RabbitQueue(address, topology)) as queue,
        closing(RabbitConsumer(address, topology)) as worker,
    ):
        for number, node in enumerate(cluster):
            for one in range(20):
                confirmed.append(_publish(queue, f"{number}-low-{one}", ROUTINE))
            node.kill()
            confirmed.append(_publish(queue, f"{number}-high", MANUAL))
            first = _take(worker)
            assert first == f"{number}-high"
            taken += [first, *(_take(worker) for _ in range(10))]
            node.start()
        taken += _rest(worker, set(confirmed) - set(taken))
    assert set(taken) == set(confirmed)


def _publish(queue: RabbitQueue, message_id: str, priority: int) -> str:
    """Until it is confirmed, as the study's document has it published."""

    def once() -> bool:
        try:
            queue.publish({}, message_id, priority)
        except RetriableError:
            return False
        return True

    wait_for(once, what=f"{message_id} is confirmed")
    return message_id


def _take(worker: RabbitConsumer) -> str:
    def once() -> str:
        try:
            delivery = worker.take(LONG)
            if delivery is None:
                return ""
            worker.done(delivery)
        except RetriableError:
            return ""
        return delivery.message_id

    return wait_for(once, what="a message")


def _rest(worker: RabbitConsumer, wanted: set[str]) -> list[str]:
    """Until all have come; one may come twice."""
    came: list[str] = []
    while not wanted <= set(came):
        came.append(_take(worker))
    return came


@pytest.mark.parametrize("quorum", [False, True], ids=["classic", "quorum"])
def test_a_delivery_that_outlasts_consumer_timeout_is_lost_to_its_worker_and_comes_again(
    run_folder: RunFolder, quorum: bool
) -> None:
    node = RabbitmqNode(run_folder, RabbitmqPorts(*free_ports(3)))
    usual = node._environment()["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
    node.environment = {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": usual + TICK}
    node.more_configuration = "consumer_timeout = 2000\n"
    node.start()
    topology = quorum_topology() if quorum else own_topology()
    with (
        closing(RabbitQueue(node.url, topology)) as queue,
        closing(RabbitConsumer(node.url, topology)) as worker,
    ):
        queue.publish({}, "long", ROUTINE)
        assert worker.take(LONG) is not None
        with pytest.raises(RetriableError):
            _work_for(worker, LONG)
        again = worker.take(LONG)
        assert again is not None
        assert (again.message_id, again.redelivered) == ("long", True)
        worker.done(again)
    node.stop()


def _work_for(worker: RabbitConsumer, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        worker.keep_alive(0.2)
