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

from fastapi import FastAPI
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


_FAULTS: Mapping[int, tuple[type[BaseModel], str]] = {
    400: (Fault, "A value that cannot be used"),
    401: (Detail, "The API key is missing, wrong or revoked"),
    403: (Detail, "The key's role may not do this; the answer names those that may"),
    421: (Detail, "Called by a name that is not this server's, without a key"),
    429: (Detail, "Too many wrong keys from this address"),
    413: (Detail, "A body that is too large; it is not read"),
    409: (Fault, "Asked again in the same way it would fail again"),
    422: (Fault, "No JSON object, or a parameter that cannot be read"),
    503: (Fault, "A server behind this one is away: later"),
}
"""What every call may answer."""
_CALLS = ("/api/", "/health", "/metrics")
"""How the addresses of calls begin; the others are pages."""
NOT_KNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Detail, "description": "Not known here"}}
"""What a call about one thing may answer besides."""


def describe_faults(app: FastAPI) -> None:
    """
    Add to the OpenAPI of an application what every call may answer; pages answer people in words.

    FastAPI would make a model of each answer for each route, at every start.
    """
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _add_faults(described())
        return described()

    app.openapi = openapi  # type: ignore[method-assign]


def _add_faults(schema: dict[str, Any]) -> None:
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for kind in (Fault, Detail):
        schemas.setdefault(kind.__name__, kind.model_json_schema())
    for path, methods in schema["paths"].items():
        if path.startswith(_CALLS):
            for operation in methods.values():
                operation["responses"] = _with_faults(operation["responses"])


def _with_faults(responses: Mapping[str, Any]) -> dict[str, Any]:
    """A call's own answers, and those of every call; FastAPI's own words for a bad parameter are not ours."""
    own = {status: told for status, told in responses.items() if "HTTPValidationError" not in str(told)}
    return {**{str(status): _answer(*told) for status, told in _FAULTS.items()}, **own}


def _answer(kind: type[BaseModel], words: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
    return {"description": words, "content": content}


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
