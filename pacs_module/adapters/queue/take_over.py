"""
What lies in the queues of the other kind is moved into ours when the setting was changed: nothing is lost.

Each message is confirmed in the new queue before it is acknowledged in the old one; who dies in between
leaves it in both, and a worker drops the second one by its id. Several processes may move at once.
"""

from __future__ import annotations

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from .topology import Topology


def take_over(connection: pika.BlockingConnection, old: Topology, new: Topology) -> int:
    """
    Move all messages, and remove the old queues that are empty and that nobody uses any more.

    Args:
        connection: In which the new queues are declared.
        old: Whose messages are moved; not there in most cases.
        new: Where they go.

    Returns:
        How many deliveries and dead letters were moved.
    """
    moved = sum(_move(connection, name, "", new) for name in old.queues)
    moved += _move(connection, old.dead_queue, new.dead_exchange, new)
    _move(connection, old.installation_queue, new.installation_queue, new)
    return moved


def _move(connection: pika.BlockingConnection, name: str, target: str, new: Topology) -> int:
    """Move one queue's messages; ``target``: an exchange or a queue, empty: by their priority."""
    channel = connection.channel()
    try:
        channel.queue_declare(name, passive=True)
        channel.confirm_delivery()
        number = _move_messages(channel, name, target, new)
        channel.queue_delete(name, if_unused=True, if_empty=True)
    except ChannelClosedByBroker:  # it is not there, or a process of before still uses it
        return 0
    channel.close()
    return number


def _move_messages(channel: BlockingChannel, name: str, target: str, new: Topology) -> int:
    number = 0
    while True:
        method, properties, body = channel.basic_get(name)
        if method is None or properties is None or body is None:
            return number
        exchange = target if target == new.dead_exchange else ""
        key = "" if exchange else target or new.queue_for(properties.priority or 0)
        channel.basic_publish(exchange, key, body, properties, mandatory=True)
        channel.basic_ack(method.delivery_tag or 0)
        number += 1
