"""
The queue in RabbitMQ: durable, by message priority, every message confirmed, every message settled by hand.

Which queues these are: :mod:`.topology`. Delivery is at least once on every way: a
message whose confirmation got lost is published again, a message whose worker died comes again, with the same
``message_id``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pika
import tenacity
from pika import DeliveryMode
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import BasicProperties

from ...domain.errors import PermanentError, RetriableError
from ...ports import Delivery
from ...ports.delivery import BrokerAddress
from .amqp_messages import (
    INSTALLATION,
    MAX_PRIORITY,
    dead_letter_properties,
    encode,
    installation_of,
    left_properties,
    read,
)
from .connection import Link, Unroutable, topology_told
from .topology import QuorumTopology, Topology


class RabbitQueue:
    """
    The publishing side; one connection, may be used by several threads.

    Args:
        url: The broker.
        topology: Its queues.
        publisher: Tells the installation that its messages are of.
    """

    def __init__(
        self, url: str | BrokerAddress, topology: Topology | None = None, publisher: Callable[[], str] = str
    ) -> None:
        self._publisher = publisher
        self._topology = topology or topology_told(url)
        self._link = Link(url, self._topology, "pacs_module publisher")
        self._link.takes_over = isinstance(self._topology, QuorumTopology)
        self._lock = threading.Lock()

    def publish(self, message: Mapping[str, Any], message_id: str, priority: int) -> None:
        """Publish one message; returns when RabbitMQ has confirmed that it is on disk in the queue."""
        body = encode(message)
        properties = BasicProperties(
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=DeliveryMode.Persistent,
            message_id=message_id,
            priority=min(max(priority, 0), MAX_PRIORITY),
            timestamp=int(time.time()),
            app_id="pacs_module",
            headers={INSTALLATION: self._publisher()},
        )
        with self._lock:
            self._publish(body, properties)

    # Short blips only; whatever lasts longer is the business of the study document. A new connection makes a
    # deleted queue again.
    @tenacity.retry(
        retry=tenacity.retry_if_exception_type((RetriableError, Unroutable)),
        stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(5),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=1),
        reraise=True,
    )
    def _publish(self, body: bytes, properties: BasicProperties) -> None:
        with self._link.channel() as channel:
            self._link.connection.process_data_events(
                0
            )  # notices here that RabbitMQ has closed an idle connection
            queue = self._topology.queue_for(properties.priority or 0)
            channel.basic_publish("", queue, body, properties, mandatory=True)

    def installation(self) -> str:
        """The id of the installation that the queue belongs to; empty: it is new."""
        with self._lock, self._link.channel():
            aside = self._link.connection.channel()  # closing it gives the message back to its place
            try:
                method, _, body = aside.basic_get(self._topology.installation_queue)
            finally:
                aside.close()
        return body.decode("ascii", "replace") if method is not None and body is not None else ""

    def set_installation(self, installation: str) -> None:
        """Have the queue belong to this installation."""
        properties = BasicProperties(delivery_mode=DeliveryMode.Persistent, app_id="pacs_module")
        with self._lock, self._link.channel() as channel:
            channel.basic_publish(
                "",
                self._topology.installation_queue,
                installation.encode("ascii"),
                properties,
                mandatory=True,
            )

    def depth(self) -> int:
        """How many messages wait for a worker; those that a worker holds are not counted."""
        return sum(self._count(queue) for queue in self._topology.queues)

    def dead_depth(self) -> int:
        """How many dead letters there are."""
        return self._count(self._topology.dead_queue)

    def dead_letters(self, limit: int) -> list[Delivery]:
        """The oldest dead letters, for showing; they stay where they are."""
        with self._lock, self._link.channel():
            aside = self._link.connection.channel()  # closing it gives every message back to its place
            try:
                return _peek(aside, self._topology.dead_queue, limit)
            finally:
                aside.close()

    def drop_dead(self, meant: Callable[[Delivery], bool]) -> bool:
        """Take the first dead letter that is meant out of its queue for good; whether there was one."""
        with self._lock, self._link.channel():
            aside = self._link.connection.channel()  # closing it gives the others back to their places
            try:
                return _take_out(aside, self._topology.dead_queue, meant)
            finally:
                aside.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._link.drop()

    def _count(self, queue: str) -> int:
        with self._lock, self._link.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)


@dataclass(frozen=True)
class _Held:
    delivery: Delivery
    body: bytes
    properties: BasicProperties
    fault: str
    """Why nobody can read the message; empty when it can be read."""


class RabbitConsumer:
    """
    One worker's side: one connection, one message at a time, one thread.

    It consumes only inside :meth:`take`, so that a worker that is busy or pausing holds no message that
    another could have, and the most urgent message is picked when a worker is free for it.
    """

    def __init__(self, url: str | BrokerAddress, topology: Topology | None = None, name: str = "") -> None:
        self._topology = topology or topology_told(url)
        self._link = Link(url, self._topology, f"pacs_module worker {name}".strip())
        self._held: _Held | None = None

    def take(self, timeout: float) -> Delivery | None:
        """The next message by priority, or None when none came within ``timeout`` seconds."""
        if self._held is not None:
            raise PermanentError(f"message {self._held.delivery.message_id} must be settled first")
        end = time.monotonic() + timeout
        while True:
            with self._broker() as channel:
                within = max(end - time.monotonic(), 0.01)
                self._held = _next_of(self._link.connection, channel, self._topology.queues, within)
            if self._held is None:
                return None
            if not self._held.fault:
                return self._held.delivery
            self._bury(self._held, self._held.fault)

    def keep_alive(self, seconds: float) -> None:
        """
        Serve the connection for some seconds while a message is worked on (heartbeats).

        Raises:
            RetriableError: The connection was lost, and with it the message that was held: it comes again.
        """
        with self._broker() as channel:
            self._link.connection.sleep(seconds)
            if channel.is_closed:
                raise RetriableError("RabbitMQ has closed the channel")

    def done(self, delivery: Delivery) -> None:
        """The message has been dealt with: acknowledge it."""
        self._check_held(delivery)
        with self._broker() as channel:
            channel.basic_ack(delivery.tag)
            self._held = None

    def dead(self, delivery: Delivery, reason: str = "given up by the worker") -> None:
        """Nobody can deal with the message: to the dead-letter queue."""
        self._bury(self._check_held(delivery), reason)

    def put_back(self, delivery: Delivery) -> None:
        """Give the message back to the queue, to be taken again."""
        self._check_held(delivery)
        with self._broker() as channel:
            channel.basic_nack(delivery.tag, requeue=True)
            self._held = None

    def leave(self, delivery: Delivery) -> None:
        """Leave the message to another installation: behind all others, so that none of ours waits for it."""
        held = self._check_held(delivery)
        queue, properties = self._topology.queue_for(0), left_properties(held.properties)
        with self._broker() as channel:  # first on disk at its new place, then out of the old one
            channel.basic_publish("", queue, held.body, properties, mandatory=True)
            channel.basic_ack(delivery.tag)
            self._held = None

    def close(self) -> None:
        """Close the connection; a message that is not settled goes back to the queue."""
        self._held = None
        self._link.drop()

    def _bury(self, held: _Held, reason: str) -> None:
        # Not by a reject: RabbitMQ would then take the message out of one queue before it is on disk in the
        # other.
        properties = dead_letter_properties(held.properties, reason)
        try:
            with self._broker() as channel:
                channel.basic_publish(self._topology.dead_exchange, "", held.body, properties, mandatory=True)
                channel.basic_ack(held.delivery.tag)
                self._held = None
        except Unroutable as error:
            raise RetriableError(
                f"the queue {self._topology.dead_queue!r} is gone; the message comes again"
            ) from error

    def _check_held(self, delivery: Delivery) -> _Held:
        if self._held is None or self._held.delivery is not delivery:
            raise RetriableError(
                f"message {delivery.message_id} is no longer held by this worker; it comes again"
            )
        return self._held

    @contextmanager
    def _broker(self) -> Iterator[BlockingChannel]:
        try:
            with self._link.channel() as channel:
                yield channel
        except BaseException:
            self._held = None  # a delivery tag means something on its own channel only
            self._link.drop()
            raise


def _next_of(
    connection: pika.BlockingConnection, channel: BlockingChannel, queues: Sequence[str], timeout: float
) -> _Held | None:
    """The next message of the most urgent queue that has one; it is waited for at all of them."""
    if len(queues) == 1:
        return _next(channel, queues[0], timeout)
    for queue in queues:
        method, properties, body = channel.basic_get(queue)
        if method is not None and properties is not None and body is not None:
            return _held(method, properties, body)
    return _first_to_come(connection, channel, queues, timeout)


def _first_to_come(
    connection: pika.BlockingConnection, channel: BlockingChannel, queues: Sequence[str], timeout: float
) -> _Held | None:
    """
    All queues are empty: wait at each.

    Two may get a message in the same moment: the more urgent one is kept, the other goes back to its place.
    """
    came: list[tuple[int, _Held]] = []

    def note(place: int, _channel: object, method: Any, properties: BasicProperties, body: bytes) -> None:
        came.append((place, _held(method, properties, body)))

    tags = [channel.basic_consume(queue, partial(note, place)) for place, queue in enumerate(queues)]
    end = time.monotonic() + timeout
    while not came and (left := end - time.monotonic()) > 0:
        connection.process_data_events(left)
    for tag in tags:
        channel.basic_cancel(tag)  # gives back what has come and was not looked at
    came.sort(key=lambda one: one[0])
    for _, spare in came[1:]:
        channel.basic_nack(spare.delivery.tag, requeue=True)
    return came[0][1] if came else None


def _held(method: Any, properties: BasicProperties, body: bytes) -> _Held:
    message, fault = read(body)
    redelivered, tag = bool(method.redelivered), int(method.delivery_tag or 0)
    message_id, publisher = properties.message_id or "", installation_of(properties)
    delivery = Delivery(message, message_id, redelivered, tag, installation=publisher)
    return _Held(delivery, body, properties, fault)


def _next(channel: BlockingChannel, queue: str, timeout: float) -> _Held | None:
    for method, properties, body in channel.consume(queue, inactivity_timeout=timeout):
        channel.cancel()
        if method is None or properties is None or body is None:
            return None
        return _held(method, properties, body)
    raise RetriableError(f"RabbitMQ has cancelled the consumer; was the queue {queue!r} deleted?")


def _peek(channel: BlockingChannel, queue: str, limit: int) -> list[Delivery]:
    found: list[Delivery] = []
    while len(found) < limit and (letter := _letter(channel, queue)) is not None:
        found.append(replace(letter, tag=0))
    return found


def _take_out(channel: BlockingChannel, queue: str, meant: Callable[[Delivery], bool]) -> bool:
    while (letter := _letter(channel, queue)) is not None:
        if meant(letter):
            channel.basic_ack(letter.tag)
            return True
    return False


def _letter(channel: BlockingChannel, queue: str) -> Delivery | None:
    """The next one, held until the channel closes; None when there is none."""
    method, properties, body = channel.basic_get(queue)
    if method is None or properties is None or body is None:
        return None
    message, fault = read(body)
    reason = str((properties.headers or {}).get("reason", ""))
    tag = int(method.delivery_tag or 0)
    return Delivery(message, properties.message_id or "", bool(method.redelivered), tag, fault, reason)
