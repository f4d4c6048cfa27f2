"""A message as a dataclass: each value is held against its annotation, and what is refused is named."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar

from ..errors import MessageError
from .documents import from_document, wire_names

T = TypeVar("T")


def read_message(kind: type[T], message: Mapping[str, Any]) -> T:
    """
    Read a message as a dataclass; unknown keys are left out.

    Raises:
        MessageError: It is no object, a key is missing, or a value is of another kind than its field.
    """
    if not isinstance(message, Mapping):
        raise MessageError(kind.__name__, message, "an object with named values")
    hints = typing.get_type_hints(kind)
    keys = wire_names(typing.cast(type, kind))
    _check_shapes(hints, keys, message)
    try:
        read = from_document(kind, message)
    except KeyError as error:
        raise MessageError(str(error.args[0]), None, "must be given") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise MessageError(kind.__name__, message, str(error)) from error
    for name, key in keys.items():
        if not _fits(hints[name], getattr(read, name)):
            raise MessageError(key, getattr(read, name), _words(hints[name]))
    return read


def _check_shapes(hints: Mapping[str, Any], keys: Mapping[str, str], message: Mapping[str, Any]) -> None:
    """Lists and objects before they are read: reading takes them apart."""
    for name, key in keys.items():
        value, shape = message.get(key), _SHAPES.get(typing.get_origin(hints[name]), object)
        if value is not None and not isinstance(value, shape):
            raise MessageError(key, value, _words(hints[name]))


_SHAPES: dict[Any, Any] = {tuple: list | tuple, dict: Mapping}


def _fits(hint: Any, value: Any) -> bool:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return any(_fits(part, value) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(parts[0], item) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(parts[1], item) for item in value.values())
    if is_dataclass(hint) and isinstance(value, typing.cast(type, hint)):
        return all(_fits(inner, getattr(value, name)) for name, inner in typing.get_type_hints(hint).items())
    return hint is Any or _is_plain(hint, value)


def _is_plain(hint: Any, value: Any) -> bool:
    """Text, numbers and truth; true and false are no numbers here, though Python says so."""
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if hint is float else hint)


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is types.UnionType:
        return " or ".join(_words(part) for part in typing.get_args(hint))
    inner = typing.get_args(hint)
    kind = _KINDS.get(typing.get_origin(hint) or hint, "an object")
    return f"{kind} of {_words(inner[-1] if inner[-1] is not ... else inner[0])}" if inner else kind


_KINDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "nothing",
    tuple: "a list",
    dict: "an object",
    Any: "anything",
}
