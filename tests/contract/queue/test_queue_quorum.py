"""
Quorum queues, one for each class of priority, on the real RabbitMQ: order, move from the classic queue, nodes.

One node: that they outlive the loss of one is shown by tests/long/deliver/test_rabbitmq_cluster.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pacs_module.adapters.queue.rabbitmq import RabbitConsumer, RabbitQueue
from pacs_module.adapters.queue.topology import QuorumTopology, Topology
from pacs_module.domain.study.priority import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE
from pacs_module.ports.delivery import BrokerAddress
from stack.ports import free_ports
from stack.servers.rabbitmq import RabbitmqNode
from tests.contract.queue.queue_cases import QueueCase, quorum_topology, raw_channel, remove
from tests.support.waiting import wait_for

LONG = 60.0


@pytest.fixture
def case(rabbitmq_node: RabbitmqNode) -> Iterator[QueueCase]:
    case = QueueCase(rabbitmq_node.url, quorum_topology())
    yield case
    case.close()


def taken(consumer: RabbitConsumer, number: int) -> list[str]:
    ids = []
    for _ in range(number):
        delivery = consumer.take(LONG)
        assert delivery is not None
        consumer.done(delivery)
        ids.append(delivery.message_id)
    return ids


def real(case: QueueCase) -> RabbitConsumer:
    consumer = case.consumer()
    assert isinstance(consumer, RabbitConsumer)
    return consumer


def test_the_names_and_arguments_that_sites_see() -> None:
    topology = QuorumTopology()
    assert topology.queues == tuple(
        f"aipull.delivery.{name}" for name in ("manual", "emergency", "green", "routine")
    )
    assert [topology.queue_for(priority) for priority in (9, 4, 3, 2, 1, 0, -1)] == [
        f"aipull.delivery.{name}"
        for name in ("manual", "manual", "emergency", "emergency", "green", "routine", "routine")
    ]
    assert topology.arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-dead-letter-exchange": "aipull.delivery.dead",
    }


@pytest.mark.server("rabbitmq")
def test_the_most_urgent_class_comes_first_and_each_in_its_order(case: QueueCase) -> None:
    for number, priority in enumerate((ROUTINE, MANUAL, GREEN_CHANNEL, EMERGENCY, ROUTINE, MANUAL)):
        case.queue.publish({}, f"{priority}-{number}", priority)
    assert taken(real(case), 6) == ["4-1", "4-5", "2-3", "1-2", "0-0", "0-4"]


@pytest.mark.server("rabbitmq")
def test_what_is_given_back_keeps_its_place_and_says_that_it_comes_again(case: QueueCase) -> None:
    consumer = real(case)
    for number in range(3):
        case.queue.publish({}, f"m-{number}", ROUTINE)
    first = consumer.take(LONG)
    assert first is not None
    consumer.put_back(first)
    again = consumer.take(LONG)
    assert again is not None
    assert (again.message_id, again.redelivered) == ("m-0", True)
    consumer.done(again)
    assert taken(consumer, 2) == ["m-1", "m-2"]


@pytest.mark.server("rabbitmq")
def test_a_worker_that_waits_at_empty_queues_loses_none_of_those_that_come_together(case: QueueCase) -> None:
    consumer = real(case)
    assert consumer.take(0.1) is None
    ids = set()
    for number in range(20):
        case.queue.publish({}, f"low-{number}", ROUTINE)
        case.queue.publish({}, f"high-{number}", MANUAL)
        ids.update(taken(consumer, 2))
    assert len(ids) == 40
    assert consumer.take(0.1) is None


@pytest.mark.server("rabbitmq")
def test_what_lies_in_the_classic_queue_is_moved_with_its_priority_dead_letters_and_installation(
    rabbitmq_node: RabbitmqNode,
) -> None:
    quorum = quorum_topology()
    classic = Topology(quorum.queue)  # its dead letters have the sites' own name
    before = RabbitQueue(rabbitmq_node.url, classic)
    worker = RabbitConsumer(rabbitmq_node.url, classic)
    for number, priority in enumerate((ROUTINE, MANUAL, ROUTINE, EMERGENCY)):
        before.publish({"n": number}, f"m-{number}", priority)
    letter = worker.take(LONG)
    assert letter is not None
    worker.dead(letter, "refused")
    before.set_installation("0" * 32)
    before.close()
    worker.close()
    after = RabbitQueue(rabbitmq_node.url, quorum)
    assert after.installation() == "0" * 32
    consumer = RabbitConsumer(rabbitmq_node.url, quorum)
    assert taken(consumer, 3) == ["m-3", "m-0", "m-2"]
    assert [one.message_id for one in after.dead_letters(9)] == ["m-1"]
    with raw_channel(rabbitmq_node.url) as channel, pytest.raises(Exception, match="NOT_FOUND"):
        channel.queue_declare(classic.queue, passive=True)
    consumer.close()
    after.close()
    remove(rabbitmq_node.url, quorum)
    remove(rabbitmq_node.url, classic)


@pytest.mark.server("rabbitmq")
def test_a_classic_queue_that_an_older_process_still_uses_is_emptied_and_stays(
    rabbitmq_node: RabbitmqNode,
) -> None:
    quorum = quorum_topology()
    classic = Topology(quorum.queue, f"{quorum.queue}.old", f"{quorum.queue}.old")
    with raw_channel(rabbitmq_node.url) as older:
        classic.declare(older)
        older.basic_qos(prefetch_count=1)
        held: list[str] = []
        older.basic_consume(classic.queue, lambda *_: held.append(""))
        old = RabbitQueue(rabbitmq_node.url, classic)
        old.publish({}, "held", ROUTINE)
        while not held:
            older.connection.process_data_events(0.1)
        old.publish({}, "waits", ROUTINE)
        after = RabbitQueue(rabbitmq_node.url, quorum)
        wait_for(lambda: after.depth() == 1, what="the one that waited was moved")
        after.close()
    again = RabbitQueue(rabbitmq_node.url, quorum)  # the older one has gone, what it held is there again
    consumer = RabbitConsumer(rabbitmq_node.url, quorum)
    wait_for(lambda: again.installation() == "", what="connected, and so moved")
    assert sorted(taken(consumer, 2)) == ["held", "waits"]
    for link in (old, again, consumer):
        link.close()
    remove(rabbitmq_node.url, quorum)
    remove(rabbitmq_node.url, classic)


@pytest.mark.server("rabbitmq")
def test_the_next_node_is_used_where_one_is_away(rabbitmq_node: RabbitmqNode) -> None:
    topology, (dead,) = quorum_topology(), free_ports(1)
    live = f"127.0.0.1:{rabbitmq_node.ports.amqp}"
    address = BrokerAddress(rabbitmq_node.url_at(dead), nodes=(live,), quorum=True)
    queue, consumer = RabbitQueue(address, topology), RabbitConsumer(address, topology)
    queue.publish({}, "m-1", ROUTINE)
    assert taken(consumer, 1) == ["m-1"]
    queue.close()
    consumer.close()
    remove(rabbitmq_node.url, topology)


def test_further_nodes_have_the_user_and_the_virtual_host_of_the_first() -> None:
    address = BrokerAddress("amqps://user:se%40cret@one:5671/hospital?heartbeat=30")
    assert address.url_at("two") == "amqps://user:se%40cret@two:5671/hospital?heartbeat=30"
    assert address.url_at("three:5673") == "amqps://user:se%40cret@three:5673/hospital?heartbeat=30"
    assert BrokerAddress("amqp://one/%2F").url_at("two") == "amqp://two/%2F"
