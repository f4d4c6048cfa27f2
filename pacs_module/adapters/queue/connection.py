"""One connection to RabbitMQ: its parameters, its faults in our words, opened anew after each of them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker, ProbableAccessDeniedError, UnroutableError

from ...domain.errors import ConfigurationError, PermanentError, RetriableError, about
from ...ports.delivery import BrokerAddress
from .take_over import take_over
from .topology import Topology, topology_of

_HEARTBEAT_S = 60
_CONNECT_WAIT_S = 5.0
_BLOCKED_WAIT_S = 10.0  # RabbitMQ's memory or disk alarm holds publishers up
_NOT_FOUND, _ACCESS_REFUSED, _PRECONDITION_FAILED = 404, 403, 406  # AMQP 0-9-1, 1.7 "Reply codes"


class Unroutable(PermanentError):
    """Somebody deleted the queue since it was declared."""


class Link:
    """
    One connection with one channel in confirm mode, opened when it is needed and opened anew after a fault.
    """

    def __init__(self, url: str | BrokerAddress, topology: Topology, name: str) -> None:
        self._parameters = _all_parameters(url, name)
        nodes = ", ".join(f"{one.host}:{one.port}" for one in self._parameters)
        self._server = f"RabbitMQ at {nodes}"
        self._topology = topology
        self.takes_over = False
        """Whether a new connection looks for messages in the classic queue of before."""
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None

    @contextmanager
    def channel(self) -> Iterator[BlockingChannel]:
        """
        The channel; after any fault in the block the connection is given up, and with it every message that
        is not settled.
        """
        with about(self._server):
            try:
                yield self._open()
            except UnroutableError as error:
                self.drop()
                raise Unroutable(f"RabbitMQ has no queue {self._topology.queue!r} for the message") from error
            except ChannelClosedByBroker as error:
                self.drop()
                raise _closed_channel(error) from error
            except (AMQPError, OSError) as error:
                self.drop()
                raise _lost_connection(error, self._server) from error

    @property
    def connection(self) -> pika.BlockingConnection:
        """The open connection; to be used inside :meth:`channel`."""
        if self._connection is None:
            raise RetriableError("RabbitMQ: the connection is closed")
        return self._connection

    def drop(self) -> None:
        """Close the connection, whatever state it is in."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            with suppress(AMQPError, OSError):
                connection.close()

    def _open(self) -> BlockingChannel:
        if self._connection is not None and self._channel is not None:
            return self._channel
        self._connection = pika.BlockingConnection(self._parameters)
        channel = self._connection.channel()
        self._topology.declare(channel)
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=1)
        if self.takes_over:
            take_over(self._connection, Topology(self._topology.queue), self._topology)
        self._channel = channel
        return channel


# --- connection and errors ---


def topology_told(told: str | BrokerAddress) -> Topology:
    """The queues of an address: quorum queues where it says so."""
    return topology_of(isinstance(told, BrokerAddress) and told.quorum)


def _all_parameters(told: str | BrokerAddress, name: str) -> list[pika.URLParameters]:
    """Of every node, in the order in which they are tried."""
    address = told if isinstance(told, BrokerAddress) else BrokerAddress(told)
    return [_parameters(address, url, name) for url in (address.url, *map(address.url_at, address.nodes))]


def _parameters(address: BrokerAddress, url: str, name: str) -> pika.URLParameters:
    parameters = _read_url(url)
    if url.startswith("amqps://"):
        parameters.ssl_options = pika.SSLOptions(_tls(address), parameters.host)
    parameters.heartbeat = _HEARTBEAT_S
    parameters.blocked_connection_timeout = _BLOCKED_WAIT_S
    parameters.socket_timeout = _CONNECT_WAIT_S
    parameters.stack_timeout = 2 * _CONNECT_WAIT_S
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": name}
    return parameters


def _read_url(url: str) -> pika.URLParameters:
    try:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError(url)
        return pika.URLParameters(url)
    except (ValueError, TypeError, IndexError) as error:  # the URL itself is not shown: it holds a password
        raise ConfigurationError(
            "rabbitmq.url", url.partition(":")[0], "amqp://user:password@host:port/%2F, or amqps:"
        ) from error


def _closed_channel(error: ChannelClosedByBroker) -> PermanentError | RetriableError:
    text = error.reply_text
    if error.reply_code == _PRECONDITION_FAILED and "inequivalent arg" in text:
        return PermanentError(_declared_otherwise(text))
    if error.reply_code in (_NOT_FOUND, _ACCESS_REFUSED):
        return PermanentError(f"RabbitMQ refuses: {text}")
    return RetriableError(f"RabbitMQ has closed the channel: {text}")


def _declared_otherwise(text: str) -> str:
    found = re.search(r"inequivalent arg '([^']*)' for (\w+) '([^']*)'", text)
    argument, kind, name = found.groups() if found else ("?", "queue", "?")
    return (
        f"the {kind} {name!r} is in RabbitMQ already, declared with another {argument}: let it run "
        "empty, delete it "
        f"(rabbitmqctl delete_queue {name}) and start again; it is then made as it should be. "
        f"RabbitMQ says: {text}"
    )


def _reason(error: BaseException) -> str:
    """Of a connection that was never made pika keeps the operating system's error some layers down."""
    inner = getattr(error, "exception", None) or next(iter(error.args), None)
    if isinstance(inner, BaseException):
        return _reason(inner)
    return (error.strerror if isinstance(error, OSError) else "") or f"{type(error).__name__} {error}".strip()


def _lost_connection(error: Exception, server: str) -> PermanentError | RetriableError:
    words = f"{server}: {_reason(error)}"
    if isinstance(error, ProbableAccessDeniedError) or f"({_ACCESS_REFUSED})" in words:
        return PermanentError(f"{words} (user, password or virtual host of rabbitmq.url)")
    return RetriableError(words)


def _tls(address: BrokerAddress) -> ssl.SSLContext:
    """TLS 1.2 or newer; the broker's certificate has to be good for the host of its address."""
    try:
        context = ssl.create_default_context(cafile=address.ca_file or None)
        if address.certificate:
            context.load_cert_chain(address.certificate, address.key)
    except (ssl.SSLError, OSError) as error:
        files = f"{address.ca_file} {address.certificate} {address.key}".strip()
        raise ConfigurationError(
            "rabbitmq.ca_file, certificate, key", files, f"PEM files ({error})"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
