"""The queue in memory: for tests and for trying things out. It forgets everything when the process ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...domain.errors import PermanentError, RetriableError
from ...ports import Delivery
from .amqp_messages import MAX_PRIORITY, encode, read


@dataclass(frozen=True)
class _Stored:
    body: bytes
    message_id: str
    priority: int
    number: int
    redelivered: bool = False
    reason: str = ""
    publisher: str = ""

    @property
    def place(self) -> tuple[int, int]:
        """
        Higher priority first, then the older one; a message that was given back keeps its place, as in
        RabbitMQ.
        """
        return (-self.priority, self.number)


class MemoryQueue:
    """The publishing side, and the queue itself."""

    def __init__(self, publisher: Callable[[], str] = str) -> None:
        self._publisher = publisher
        self._changed = threading.Condition()
        self._waiting: list[_Stored] = []
        self._dead: list[_Stored] = []
        self._number = 0
        self._installation = ""

    def publish(self, message: Mapping[str, Any], message_id: str, priority: int) -> None:
        """Put one message into the queue."""
        item = _Stored(
            encode(message), message_id, min(priority, MAX_PRIORITY), 0, publisher=self._publisher()
        )
        self._add(item)

    def _add(self, item: _Stored) -> None:
        with self._changed:
            self._number += 1
            self._waiting.append(replace(item, number=self._number))
            self._changed.notify()

    def installation(self) -> str:
        """The id of the installation that it belongs to."""
        return self._installation

    def set_installation(self, installation: str) -> None:
        """Have it belong to this installation."""
        self._installation = installation

    def depth(self) -> int:
        """How many messages wait for a worker."""
        return len(self._waiting)

    def dead_depth(self) -> int:
        """How many dead letters there are."""
        return len(self._dead)

    def dead_letters(self, limit: int) -> list[Delivery]:
        """The oldest dead letters, for showing; they stay where they are."""
        return [_dead_letter(item) for item in self._dead[:limit]]

    def close(self) -> None:
        """Nothing to let go of."""

    def take(self, timeout: float) -> _Stored | None:
        """For consumers: the next message by priority, which then belongs to the caller."""
        end = time.monotonic() + timeout
        with self._changed:
            while not self._waiting:
                if not self._changed.wait(max(end - time.monotonic(), 0)):
                    return None
            first = min(self._waiting, key=lambda item: item.place)
            self._waiting.remove(first)
            return first

    def give_back(self, item: _Stored) -> None:
        """For consumers: a message that was not dealt with."""
        with self._changed:
            self._waiting.append(replace(item, redelivered=True))
            self._changed.notify()

    def leave(self, item: _Stored) -> None:
        """For consumers: a message of another installation, behind all others."""
        self._add(replace(item, priority=0))

    def bury(self, item: _Stored, reason: str) -> None:
        """For consumers: a message that nobody can deal with."""
        self._dead.append(replace(item, reason=reason))


class MemoryConsumer:
    """One worker's side."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._held: tuple[Delivery, _Stored] | None = None
        self._tag = 0

    def take(self, timeout: float) -> Delivery | None:
        """The next message by priority, or None when none came within ``timeout`` seconds."""
        if self._held is not None:
            raise PermanentError(f"message {self._held[0].message_id} must be settled first")
        while True:
            item = self._queue.take(timeout)
            if item is None:
                return None
            message, fault = read(item.body)
            if not fault:
                break
            self._queue.bury(item, fault)
        self._tag += 1
        publisher = item.publisher
        delivery = Delivery(message, item.message_id, item.redelivered, self._tag, installation=publisher)
        self._held = (delivery, item)
        return delivery

    def keep_alive(self, seconds: float) -> None:
        """Let the seconds pass."""
        time.sleep(seconds)

    def done(self, delivery: Delivery) -> None:
        """The message has been dealt with."""
        self._settle(delivery)

    def dead(self, delivery: Delivery, reason: str = "given up by the worker") -> None:
        """Nobody can deal with the message."""
        self._queue.bury(self._settle(delivery), reason)

    def put_back(self, delivery: Delivery) -> None:
        """Give the message back to the queue."""
        self._queue.give_back(self._settle(delivery))

    def leave(self, delivery: Delivery) -> None:
        """Leave the message to another installation, behind all others."""
        self._queue.leave(self._settle(delivery))

    def close(self) -> None:
        """Give back what is not settled."""
        if self._held is not None:
            self._queue.give_back(self._settle(self._held[0]))

    def _settle(self, delivery: Delivery) -> _Stored:
        if self._held is None or self._held[0] is not delivery:
            raise RetriableError(
                f"message {delivery.message_id} is no longer held by this worker; it comes again"
            )
        item, self._held = self._held[1], None
        return item


def _dead_letter(item: _Stored) -> Delivery:
    message, fault = read(item.body)
    return Delivery(message, item.message_id, False, 0, fault, item.reason)
