"""
Values to documents and back: dataclasses as plain dictionaries with the site's camelCase names.

A field that is None is not written, so that ``{"state": {"$exists": true}}`` means what it says.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_NAME = "document name"
_PLAIN = frozenset({str, int, float, bool, type(None)})
_UPPER = {"uid": "UID", "id": "ID", "uids": "UIDs"}


def camel(name: str) -> str:
    """``study_uid`` as ``studyUID``, ``accession_number`` as ``accessionNumber``."""
    first, *rest = name.split("_")
    return first + "".join(_UPPER.get(word, word.capitalize()) for word in rest)


def named(key: str, **more: Any) -> Any:
    """
    A dataclass field whose name in documents is not the usual one; ``more`` as for :func:`dataclasses.field`.
    """
    return field(metadata={_NAME: key}, **more)


@cache
def wire_names(kind: type) -> Mapping[str, str]:
    """The name in documents of each field of a dataclass."""
    return {one.name: one.metadata.get(_NAME) or camel(one.name) for one in fields(kind)}


def to_document(value: Any) -> Any:
    """Turn a dataclass, and everything in it, into plain dictionaries, lists, texts and numbers."""
    if type(value) in _PLAIN:  # most values: a study is written at every step
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return _fields_of(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: to_document(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_document(item) for item in value]
    return value


def _fields_of(value: Any) -> dict[str, Any]:
    """What is None is left out."""
    document = {}
    for name, key in wire_names(typing.cast(type, type(value))).items():
        item = getattr(value, name)
        if item is not None:
            document[key] = item if type(item) in _PLAIN else to_document(item)
    return document


def from_document(kind: type[T], document: Mapping[str, Any]) -> T:
    """
    Read a dataclass back; unknown keys are left out, missing ones take their default.

    A value with a class method ``of_text`` may also be a text, as earlier versions wrote it.
    """
    values = {}
    for name, one, hint in _layout(typing.cast(type, kind)):
        if name in document:
            values[one.name] = _read(hint, document[name])
        elif one.default is MISSING and one.default_factory is MISSING:
            _check_optional(kind, name, hint)
            values[one.name] = None  # it was None when it was written
    return kind(**values)


def _check_optional(kind: type, name: str, hint: object) -> None:
    if type(None) not in typing.get_args(hint):
        raise KeyError(name, f"{kind.__name__} needs it")


@cache
def _layout(kind: type) -> tuple[tuple[str, Field[Any], Any], ...]:
    """
    Document name, field and type of each field; worked out once a class, because a study is read at every
    step.
    """
    hints = typing.get_type_hints(kind)
    keys = wire_names(kind)
    return tuple((keys[one.name], one, hints[one.name]) for one in fields(kind))


def _read(hint: Any, value: Any) -> Any:
    if value is None or hint is Any:
        return value
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _read(next(part for part in typing.get_args(hint) if part is not type(None)), value)
    if origin in (list, tuple):
        return _read_several(hint, value)
    if origin is dict:
        inner = typing.get_args(hint)[1]
        return {key: _read(inner, item) for key, item in value.items()}
    if is_dataclass(hint):
        return _read_dataclass(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value


def _read_several(hint: Any, value: Any) -> Any:
    several = [value] if isinstance(value, str) else value  # the contract lets `modality` be one text, too
    inner = typing.get_args(hint)[0]
    items = [_read(inner, item) for item in several]
    return items if typing.get_origin(hint) is list else tuple(items)


def _read_dataclass(hint: Any, value: Any) -> Any:
    of_text = getattr(hint, "of_text", None)  # how earlier versions wrote it
    if isinstance(value, str) and of_text is not None:
        return of_text(value)
    return from_document(typing.cast(type, hint), value)
