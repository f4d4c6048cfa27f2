"""Messages as they lie in the queue: JSON, UTF-8, readable in RabbitMQ's own tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...domain.errors import PermanentError

MAX_PRIORITY = 5
"""``x-max-priority`` of the queue; the contract's priorities go up to 4. A higher number is taken as this one."""


def encode(message: Mapping[str, Any]) -> bytes:
    """
    A message as bytes.

    Raises:
        PermanentError: It holds something that JSON cannot say.
    """
    try:
        return json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise PermanentError(f"this message cannot be queued, it is no JSON: {error}") from error


def decode(body: bytes) -> Mapping[str, Any]:
    """
    A message from its bytes.

    Raises:
        PermanentError: Somebody else put it there; it is no JSON object.
    """
    try:
        message = json.loads(body)
    except ValueError as error:
        raise PermanentError(f"this message is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise PermanentError("this message is no JSON object")
    return message
