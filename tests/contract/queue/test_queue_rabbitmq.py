"""
What only real RabbitMQ can show: confirms, arguments, a node that dies.

Not proved here: a cluster, TLS, RabbitMQ's memory and disk alarms.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pika
import pytest

from pacs_module.adapters.queue import connection
from pacs_module.adapters.queue.amqp_messages import dead_letter_properties
from pacs_module.adapters.queue.rabbitmq import RabbitConsumer, RabbitQueue
from pacs_module.adapters.queue.topology import Topology
from pacs_module.domain.errors import ConfigurationError, PermanentError, RetriableError
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from tests.contract.queue.queue_cases import QueueCase, own_topology, raw_channel, remove
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("rabbitmq")

LONG = 60.0


@pytest.fixture
def case(rabbitmq_node: RabbitmqNode) -> Iterator[QueueCase]:
    case = QueueCase(rabbitmq_node.url)
    yield case
    case.close()


@pytest.fixture
def own_node(run_folder: RunFolder) -> RabbitmqNode:
    """A node that the test may kill."""
    node = RabbitmqNode(run_folder, RabbitmqPorts(*free_ports(3)))
    node.start()
    return node


def queue_of(case: QueueCase) -> RabbitQueue:
    assert isinstance(case.queue, RabbitQueue)
    return case.queue


# --- what lies in the queue ---


def test_a_message_is_durable_and_readable_with_rabbitmqs_own_tools(case: QueueCase) -> None:
    before = int(time.time())
    case.queue.publish({"studyUID": "1.2.3", "胸": "部"}, "m-1", 4)
    with raw_channel(case.url) as channel:
        method, properties, body = channel.basic_get(case.topology.queue)
    assert method is not None
    assert properties is not None
    assert body == '{"studyUID": "1.2.3", "胸": "部"}'.encode()
    assert (properties.delivery_mode, properties.priority, properties.message_id) == (2, 4, "m-1")
    assert (properties.content_type, properties.content_encoding) == ("application/json", "utf-8")
    assert properties.timestamp is not None
    assert before <= properties.timestamp <= time.time()


def test_the_names_and_arguments_that_sites_see() -> None:
    assert Topology() == Topology(
        queue="aipull.delivery", dead_exchange="aipull.dead", dead_queue="aipull.dead"
    )
    assert Topology().arguments == {
        "x-queue-type": "classic",
        "x-max-priority": 5,
        "x-dead-letter-exchange": "aipull.dead",
    }


ODD_PROPERTIES: list[dict[str, Any]] = [
    {"headers": {"x": "y" * 120_000}},
    {"headers": {"nested": {"list": [1, None, b"\xff", {"deep": [True]}]}}},
    {"headers": {"reason": "r", "dead-at": "never", "x-death": "x"}},
    {"expiration": "20000"},
    {"message_id": "m" * 255, "reply_to": "r" * 255, "correlation_id": "c" * 255},
    {"type": "t" * 255, "app_id": "", "content_type": "text/plain", "content_encoding": "gzip"},
    {"priority": 255, "timestamp": 2**62, "cluster_id": "c"},
    {},
]


def test_k08_a_stranger_with_odd_properties_is_buried_and_stays_buried(case: QueueCase) -> None:
    case.queue.publish({}, "first", 0)
    for odd in ODD_PROPERTIES:
        with raw_channel(case.url) as channel:
            channel.basic_publish("", case.topology.queue, b"[", pika.BasicProperties(**odd))
    consumer = case.consumer()
    seen = []
    while (delivery := consumer.take(1)) is not None:
        seen.append(delivery.message_id)
        consumer.done(delivery)
    assert seen == ["first"]
    assert queue_of(case).dead_depth() == len(ODD_PROPERTIES)
    with raw_channel(case.url) as channel:
        for _ in ODD_PROPERTIES:
            _, properties, _ = channel.basic_get(case.topology.dead_queue)
            assert properties is not None
            assert properties.expiration is None
            assert set(properties.headers or {}) == {"reason", "dead-at"}


def test_k08_a_dead_letter_has_no_user_of_whom_rabbitmq_would_refuse_it() -> None:
    """Only who is called so may send it: a worker would bury it for ever."""
    odd = pika.BasicProperties(
        message_id="m", user_id="stranger", headers={"CC": ["elsewhere"]}, expiration="1"
    )
    kept = dead_letter_properties(odd, "half \ud83d of it")
    assert (kept.message_id, kept.user_id, kept.expiration, kept.delivery_mode) == ("m", None, None, 2)
    assert kept.headers is not None
    assert kept.headers["reason"] == "half \\ud83d of it"
    assert set(kept.headers) == {"reason", "dead-at"}


@pytest.mark.parametrize("body", [b"not json", b"\xff\xfe", b"[1, 2]", b""])
def test_what_somebody_else_put_there_becomes_a_dead_letter_and_stops_nobody(
    case: QueueCase, body: bytes
) -> None:
    case.queue.publish({}, "first", 0)
    with raw_channel(case.url) as channel:
        channel.basic_publish("", case.topology.queue, body)
    case.queue.publish({}, "second", 0)
    consumer = case.consumer()
    for wanted in ("first", "second"):
        delivery = consumer.take(LONG)
        assert delivery is not None
        assert delivery.message_id == wanted
        consumer.done(delivery)
    (letter,) = queue_of(case).dead_letters(9)
    assert letter.message == {"body": body.decode("utf-8", "backslashreplace")} or body == b"[1, 2]"


def test_a_reject_by_another_client_reaches_the_dead_letters_too(case: QueueCase) -> None:
    case.queue.publish({"n": 1}, "m-1", 0)
    with raw_channel(case.url) as channel:
        method, _, _ = channel.basic_get(case.topology.queue)
        assert method is not None
        assert method.delivery_tag is not None
        channel.basic_reject(method.delivery_tag, requeue=False)
    letters = wait_for(
        lambda: queue_of(case).dead_letters(9), what="RabbitMQ moves it, which nobody is told of"
    )
    assert [letter.message for letter in letters] == [{"n": 1}]


# --- declared otherwise, deleted, forbidden ---


def test_one_dead_letter_is_taken_out_and_the_others_stay(case: QueueCase) -> None:
    for number in (1, 2, 3):
        case.queue.publish({"n": number}, f"m-{number}", 0)
        consumer = case.consumer()
        delivery = consumer.take(LONG)
        assert delivery is not None
        consumer.dead(delivery, "refused")
        consumer.close()
    queue = queue_of(case)
    assert queue.drop_dead(lambda letter: letter.message_id == "m-2")
    assert [letter.message_id for letter in queue.dead_letters(9)] == ["m-1", "m-3"]
    assert not queue.drop_dead(lambda letter: letter.message_id == "m-2")
    assert queue.dead_depth() == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"x-max-priority": None}, "x-max-priority"),
        ({"x-max-priority": 10}, "x-max-priority"),
        ({}, "x-dead-letter-exchange"),
    ],
)
def test_a_queue_declared_otherwise_is_named_with_the_argument_and_what_to_do(
    rabbitmq_node: RabbitmqNode, arguments: dict[str, object], named: str
) -> None:
    topology = own_topology()
    with raw_channel(rabbitmq_node.url) as channel:
        other = {**topology.arguments, **(arguments or {"x-dead-letter-exchange": "elsewhere"})}
        other = {name: value for name, value in other.items() if value is not None}
        channel.queue_declare(topology.queue, durable=True, arguments=other)
    queue, consumer = RabbitQueue(rabbitmq_node.url, topology), RabbitConsumer(rabbitmq_node.url, topology)
    uses: list[Callable[[], object]] = [lambda: queue.publish({}, "m-1", 0), lambda: consumer.take(0.1)]
    for use in uses:
        with pytest.raises(PermanentError) as caught:
            use()
        words = str(caught.value)
        assert f"the queue '{topology.queue}' is in RabbitMQ already, declared with another {named}" in words
        assert f"rabbitmqctl delete_queue {topology.queue}" in words
        assert "PRECONDITION_FAILED" in words
    with raw_channel(rabbitmq_node.url) as channel:
        channel.queue_delete(topology.queue)
    queue.publish({}, "m-1", 0)  # after what the words say
    assert queue.depth() == 1
    queue.close()
    consumer.close()
    remove(rabbitmq_node.url, topology)


def test_a_queue_that_was_deleted_is_made_again(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", 0)
    with raw_channel(case.url) as channel:
        channel.queue_delete(case.topology.queue)
    case.queue.publish({}, "m-2", 0)
    assert case.queue.depth() == 1


def test_a_message_without_a_queue_is_no_success(case: QueueCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Topology, "declare", lambda self, channel: None)
    with pytest.raises(PermanentError, match=f"no queue '{case.topology.queue}' for the message"):
        case.queue.publish({}, "m-1", 0)


def test_a_dead_letter_without_a_queue_stays_in_its_own(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", 0)
    consumer = case.consumer()
    delivery = consumer.take(LONG)
    assert delivery is not None
    with raw_channel(case.url) as channel:
        channel.queue_delete(case.topology.dead_queue)
    with pytest.raises(RetriableError, match="the message comes again"):
        consumer.dead(delivery)
    again = consumer.take(LONG)
    assert again is not None
    assert again.redelivered
    consumer.dead(again)
    assert queue_of(case).dead_depth() == 1


def test_a_worker_whose_queue_is_deleted_makes_it_again(case: QueueCase) -> None:
    consumer = case.consumer()
    consumer.take(0.05)
    with raw_channel(case.url) as channel:
        channel.queue_delete(case.topology.queue)
    with pytest.raises((RetriableError, PermanentError)):
        consumer.take(0.2)
    assert consumer.take(0.05) is None


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ("amqp://aipull:wrong@{address}/%2F", PermanentError),
        ("{url}nowhere", PermanentError),
        ("amqp://127.0.0.1:1/%2F", RetriableError),
    ],
)
def test_wrong_addresses(rabbitmq_node: RabbitmqNode, wrong: str, kind: type[Exception]) -> None:
    url = wrong.format(address=rabbitmq_node.url.rpartition("@")[2].partition("/")[0], url=rabbitmq_node.url)
    with pytest.raises(kind) as caught:
        RabbitQueue(url).publish({}, "m-1", 0)
    assert type(caught.value) is kind
    assert "wrong@" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://user:secret@host/", "", "localhost", "amqp://host:port/"])
def test_an_address_that_is_none_is_a_configuration_error_without_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="rabbitmq\\.url") as caught:
        RabbitQueue(url)
    assert "secret" not in str(caught.value)


# --- connections that end ---


def test_heartbeats(rabbitmq_node: RabbitmqNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who serves its connection keeps its message, who is silent loses it and learns it, an idle publisher
    connects again.
    """
    monkeypatch.setattr(connection, "_HEARTBEAT_S", 2)
    case = QueueCase(rabbitmq_node.url)
    case.queue.publish({}, "m-1", 0)
    case.queue.publish({}, "m-2", 0)
    silent, serving = case.consumer(), case.consumer()
    lost, kept = silent.take(LONG), serving.take(LONG)
    assert lost is not None
    assert kept is not None

    with closing(RabbitQueue(case.url, case.topology)) as looking:
        wait_for(
            lambda: serving.keep_alive(0.2) or looking.depth() == 1,
            what="RabbitMQ takes the silent one's message back",
        )

    serving.done(kept)
    with pytest.raises(RetriableError):
        silent.keep_alive(LONG)
    with pytest.raises(RetriableError, match="comes again"):
        silent.done(lost)
    case.queue.publish({}, "m-3", 0)
    came: list[tuple[str, bool]] = []
    while delivery := serving.take(LONG if len(came) < 2 else 0.3):
        came.append((delivery.message_id, delivery.redelivered))
        serving.done(delivery)
    assert came == [("m-1", True), ("m-3", False)]
    case.close()


def test_nothing_confirmed_is_lost_when_the_node_is_killed(own_node: RabbitmqNode) -> None:
    case = QueueCase(own_node.url)
    consumer = case.consumer()
    for number in range(120):
        case.queue.publish({"n": number}, f"m-{number}", number % 5)
    finished = set()
    for _ in range(20):
        done = consumer.take(LONG)
        assert done is not None
        consumer.done(done)
        finished.add(done.message["n"])
    for _ in range(20):
        buried = consumer.take(LONG)
        assert buried is not None
        consumer.dead(buried)
    held = consumer.take(LONG)
    assert held is not None

    own_node.kill()
    with pytest.raises(RetriableError):
        consumer.done(held)
    with pytest.raises(RetriableError):
        case.queue.publish({}, "while it is down", 0)
    with pytest.raises(RetriableError):
        consumer.take(0.1)
    own_node.start()

    case.queue.publish({"n": 120}, "m-120", 0)
    letters = {letter.message["n"] for letter in queue_of(case).dead_letters(1_000)}
    left: set[int] = set()
    while delivery := consumer.take(0.3 if left | letters | finished == set(range(121)) else LONG):
        left.add(delivery.message["n"])
        consumer.done(delivery)
    assert len(letters) == 20
    assert held.message["n"] in left
    # An acknowledgement is not confirmed: what was done shortly before the kill may come again.
    assert left | letters | finished == set(range(121))
    case.close()
