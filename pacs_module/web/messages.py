"""
Bodies of POSTs, and how the OpenAPI describes them.

What a message must hold is checked by :mod:`pacs_module.domain.json_messages.messages` alone; the description
is made from the same classes, so that it cannot say anything else.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from ..domain.json_messages.documents import wire_names
from .request_guard import answers

Message = answers.Message


class Fault(BaseModel):
    """What went wrong, in words; where one value is at fault its key, the value and what is allowed."""

    error: str
    key: str = ""
    value: Any = None
    allowed: str = ""


class Detail(BaseModel):
    """What went wrong, in words."""

    detail: str


FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": Fault, "description": "A value that cannot be used"},
    401: {"model": Detail, "description": "The API key is missing, wrong or revoked"},
    403: {"model": Detail, "description": "The key's role may not do this; the answer names those that may"},
    421: {"model": Detail, "description": "Called by a name that is not this server's, without a key"},
    429: {"model": Detail, "description": "Too many wrong keys from this address"},
    413: {"model": Detail, "description": "A body that is too large; it is not read"},
    409: {"model": Fault, "description": "Asked again in the same way it would fail again"},
    422: {"model": Fault, "description": "No JSON object, or a parameter that cannot be read"},
    503: {"model": Fault, "description": "A server behind this one is away: later"},
}
"""What every call may answer."""
NOT_KNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Detail, "description": "Not known here"}}
"""What a call about one thing may answer besides."""

_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    tuple: "array",
}


def described(kind: type, examples: Mapping[str, Any], **more: Mapping[str, Any]) -> dict[str, Any]:
    """
    ``openapi_extra`` of a call whose body is a message of this class.

    Args:
        kind: One of the dataclasses of the domain's messages.
        examples: By what they show.
        **more: By field name: what the class alone does not say (``enum``, ``description``).
    """
    schema = _schema(kind)
    keys = wire_names(kind)
    for name, words in more.items():
        schema["properties"][keys[name]].update(words)
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"requestBody": {"content": {"application/json": {"schema": schema, "examples": shown}}}}


def _schema(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    keys = wire_names(kind)
    needed = [
        keys[field.name]
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    ]
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": {key: _type(hints[name]) for name, key in keys.items()},
        "required": [name for name in needed if name],
    }


def _type(hint: Any) -> dict[str, Any]:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return {"anyOf": [{"type": "null"} if part is type(None) else _type(part) for part in parts]}
    if origin is tuple:
        return {"type": "array", "items": _type(parts[0])}
    if is_dataclass(hint):
        return _schema(typing.cast(type, hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [one.value for one in hint]}
    return {"type": _TYPES[origin or hint]}
