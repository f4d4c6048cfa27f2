"""The way from a hand-over to the AI: the queue, a worker at it, the backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True)
class BrokerAddress:
    """
    Where the message broker is, ``amqp://`` or ``amqps://`` with user and password.

    For ``amqps``: ``ca_file`` has who has signed its certificate, empty: the system's authorities;
    ``certificate`` and ``key`` are ours, for one that wants them. PEM files. ``nodes``: further nodes of the
    cluster, ``host`` or ``host:port``, tried in this order when one is away; ``quorum``: the queues are
    replicated on them.
    """

    url: str
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    nodes: tuple[str, ...] = ()
    quorum: bool = False

    def url_at(self, node: str) -> str:
        """The same user, password and virtual host at another node."""
        parts = urlsplit(self.url)
        host = node if ":" in node or parts.port is None else f"{node}:{parts.port}"
        user, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}{at}{host}").geturl()


class Queue(Protocol):
    """The publishing side of RabbitMQ."""

    def publish(self, message: Mapping[str, Any], message_id: str, priority: int) -> None:
        """
        Publish one message; returns when the broker has confirmed that it is on disk in the queue.

        Raises:
            RetriableError: The broker is away, or did not confirm.
            PermanentError: The queue is missing or was declared otherwise.
        """
        ...

    def installation(self) -> str:
        """
        The id of the installation that the queue belongs to; empty when nobody gave it one: it is new.

        Raises:
            RetriableError: The broker is away.
        """
        ...

    def set_installation(self, installation: str) -> None:
        """Have the queue belong to this installation."""
        ...

    def depth(self) -> int:
        """
        How many messages wait for a worker; those that a worker holds are not counted.

        Raises:
            RetriableError: The broker is away.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True)
class Delivery:
    """
    A message that a worker has taken and not yet settled; or, with ``reason``, one among the dead letters.

    ``fault``: why nobody can read the message; then ``message`` has its text as ``body``. ``installation``:
    who has published it, as its header says; empty: it does not say.
    """

    message: Mapping[str, Any]
    message_id: str
    redelivered: bool
    tag: int
    fault: str = ""
    reason: str = ""
    installation: str = ""


class QueueConsumer(Protocol):
    """One worker's side of RabbitMQ: one connection, one message at a time; used by one thread only."""

    def take(self, timeout: float) -> Delivery | None:
        """
        The next message by priority, or None when none came within ``timeout`` seconds.

        Raises:
            RetriableError: The broker is away; the next call connects again.
        """
        ...

    def keep_alive(self, seconds: float) -> None:
        """Serve the connection for some seconds while a message is worked on (heartbeats)."""
        ...

    def done(self, delivery: Delivery) -> None:
        """The message has been dealt with: acknowledge it."""
        ...

    def dead(self, delivery: Delivery, reason: str = ...) -> None:
        """Nobody can deal with the message: to the dead-letter queue, with the reason."""
        ...

    def put_back(self, delivery: Delivery) -> None:
        """Give the message back to the queue, to be taken again."""
        ...

    def leave(self, delivery: Delivery) -> None:
        """Leave the message to another installation: behind all others, so that none of ours waits for it."""
        ...

    def close(self) -> None:
        """Close the connection; messages that are not settled go back to the queue."""
        ...


class Backend(Protocol):
    """The AI."""

    def submit(self, message: Mapping[str, Any], idempotency_key: str) -> None:
        """
        Ask the backend to compute a hand-over; returns when it has accepted (2xx).

        Raises:
            RetriableError: Not reachable, time-out, 5xx, 408, 425, 429.
            Refused: Any other 4xx: asking again will not help.
        """
        ...

    def gone(self) -> bool:
        """
        Whether its host says that nobody listens there: what it was computing died with it. False where
        nobody can tell.
        """
        ...
