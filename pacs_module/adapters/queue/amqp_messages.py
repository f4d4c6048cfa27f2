"""Messages as they lie in the queue: JSON, UTF-8, readable in RabbitMQ's own tools."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from pika import DeliveryMode
from pika.spec import BasicProperties

from ...domain.errors import PermanentError
from ...domain.json_messages.json_text import MESSAGE, printable, read_object

MAX_PRIORITY = 5
"""
``x-max-priority`` of the queue; the contract's priorities go up to 4. A higher number is taken as this one.
"""

INSTALLATION = "installation"
"""The header that names the installation which has published a message."""

SHOWN = 4_096
"""Bytes of a message that nobody can read, as it is shown."""


def dead_letter_properties(of: BasicProperties, reason: str) -> BasicProperties:
    """
    What a dead letter keeps of a message that anybody may have sent.

    Nothing that RabbitMQ acts on: of another's ``user_id``, of headers larger than a frame or of ``CC`` it
    refuses to take the message again, and with an ``expiration`` it throws the dead letter away.
    """
    return BasicProperties(
        content_type=of.content_type,
        content_encoding=of.content_encoding,
        delivery_mode=DeliveryMode.Persistent,
        message_id=of.message_id,
        priority=of.priority,
        timestamp=of.timestamp,
        app_id=of.app_id,
        type=of.type,
        headers={"reason": printable(reason)[:SHOWN], "dead-at": int(time.time())},
    )


def installation_of(properties: BasicProperties) -> str:
    """Who has published a message; empty: it does not say, or in no words of ours."""
    told = (properties.headers or {}).get(INSTALLATION)
    return told if isinstance(told, str) else ""


def left_properties(of: BasicProperties) -> BasicProperties:
    """
    What a message keeps that is left to another installation: its ids, and none of the headers that RabbitMQ
    acts on.
    """
    return BasicProperties(
        content_type=of.content_type,
        content_encoding=of.content_encoding,
        delivery_mode=DeliveryMode.Persistent,
        message_id=of.message_id,
        priority=0,
        timestamp=of.timestamp,
        app_id=of.app_id,
        headers={INSTALLATION: installation_of(of)},
    )


def encode(message: Mapping[str, Any]) -> bytes:
    """
    A message as bytes.

    Raises:
        PermanentError: It holds something that JSON cannot say.
    """
    try:
        body = json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise PermanentError(f"this message cannot be queued, it is no JSON: {error}") from error
    if len(body) > MESSAGE.size:
        raise PermanentError(
            f"this message cannot be queued, it has {len(body)} bytes: no worker reads more than "
            f"{MESSAGE.size}"
        )
    return body


def decode(body: bytes) -> Mapping[str, Any]:
    """
    A message from its bytes.

    Raises:
        MessageError: Somebody else put it there: it is no JSON object, or beyond every bound.
    """
    return read_object(body, "message")


def read(body: bytes) -> tuple[Mapping[str, Any], str]:
    """
    The message; or its beginning as text, and why nobody can read it: a worker survives whatever lies in the
    queue.
    """
    try:
        return decode(body), ""
    except Exception as error:
        return {"body": body[:SHOWN].decode("utf-8", "backslashreplace")}, str(error)
