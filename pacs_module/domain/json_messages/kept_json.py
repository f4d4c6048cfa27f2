"""
JSON that we wrote ourselves and read back (K8).

A power cut, a full disk, another version or a person may have changed it meanwhile. Whatever is wrong with it
is one error, so that a reader can pass over the one file, row or line, and tell it.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from ..errors import Unreadable
from .documents import from_document

T = TypeVar("T")


def kept_value(raw: bytes | str) -> Any:
    """
    A JSON value of any kind.

    Raises:
        Unreadable: It is not UTF-8, no JSON, or nested too deep for the parser.
    """
    try:
        return json.loads(raw.decode("utf-8") if isinstance(raw, bytes) else raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {type(error).__name__} {error}") from error


def kept_object(raw: bytes | str) -> dict[str, Any]:
    """
    A JSON object.

    Raises:
        Unreadable: As :func:`kept_value`, or it is something else.
    """
    value = kept_value(raw)
    if not isinstance(value, dict):
        raise Unreadable(f"a JSON object was written, {type(value).__name__} is there")
    return value


def kept_document(kind: type[T], raw: bytes | str) -> T:
    """
    A dataclass, each value of which has the type that it was written with.

    Raises:
        Unreadable: As :func:`kept_object`, or a field is missing or of another type.
    """
    return read_kept(kind, kept_object(raw))


def read_kept(kind: type[T], document: object) -> T:
    """
    The same of JSON that is parsed already.

    Raises:
        Unreadable: As :func:`kept_document`.
    """
    try:
        read = from_document(kind, typing.cast(Mapping[str, Any], document))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unreadable(f"no {kind.__name__}: {type(error).__name__} {error}") from error
    for name, hint in typing.get_type_hints(kind).items():
        if not _fits(hint, getattr(read, name)):
            raise Unreadable(f"no {kind.__name__}: {name} is of another type")
    return read


def kept_list(kind: type[T], documents: object) -> tuple[list[T], int]:
    """
    What can be read of a list that may be damaged.

    Args:
        kind: A dataclass.
        documents: Should be a list of its documents.

    Returns:
        Those that have every key with a value of its type, and how many have not; what is no list counts as
        one.
    """
    if not isinstance(documents, list):
        return [], 1
    found = []
    for document in documents:
        with suppress(Unreadable):
            found.append(read_kept(kind, document))
    return found, len(documents) - len(found)


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value, and everything in it, is of a type; what the reader of documents does not check."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(_fits(part, value) for part in inner)
    if origin in (list, tuple):
        return isinstance(value, origin) and all(_fits(inner[0], item) for item in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(_fits(inner[1], item) for item in value.values())
    if is_dataclass(hint):
        return isinstance(value, typing.cast(type, hint)) and _fields_fit(value)
    return _is_plain(hint, value)


def _fields_fit(value: Any) -> bool:
    hints = typing.get_type_hints(type(value))
    return all(_fits(hints[one.name], getattr(value, one.name)) for one in fields(value))


def _is_plain(hint: Any, value: Any) -> bool:
    """A number is no truth value, and a whole one may stand for a float."""
    if hint is float:
        return type(value) in (int, float)
    if hint is int:
        return type(value) is int
    return hint is Any or not isinstance(hint, type) or isinstance(value, hint)
