"""
JSON that comes from outside, bounded before it is parsed; and JSON that goes out, written by an encoder that
cannot fail.

Every body, message and answer of another process is read by :func:`read_json`. Bytes, depth and the number of
values are counted without recursion, before the parser sees the text: a parser of nested text recurses, and
one of endless text fills the memory. What is read holds only what every store can keep: numbers that fit into
64 bits, and text that is UTF-8. A value beyond that (``NaN``, ``1e999``, 30 digits, a lone surrogate) becomes
readable text, so that the message is not lost for it; where a number is needed, the check of that key refuses
it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..errors import MessageError

MIB = 1 << 20
_INT64 = 2**63
_MAX_DIGITS = 19  # 2**63 has 19; CPython itself refuses to read or write more than 4300
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ODD_NUMBER = re.compile(rb"\d{19}|[eE]\+?\d{3}|NaN|Infinity")
"""
Without any of these outside of its strings no number of a text needs a second look, which makes reading slow.
"""
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_CUT = "..."


@dataclass(frozen=True)
class JsonLimits:
    """
    What one JSON text may hold.

    Args:
        size: Bytes of the whole.
        depth: Objects and lists within each other.
        values: Items of all objects and lists together.
        text: Characters of one text or name.
    """

    size: int = 8 * MIB
    depth: int = 32
    values: int = 200_000
    text: int = MIB


MESSAGE = JsonLimits()
"""A message between the processes; the largest lists the images of a study by UID."""
BY_HAND = JsonLimits(64 * 1024, 8, 1_000, 4_096)
"""What a person asks for."""
FROM_ORTHANC = JsonLimits(256 * MIB, 64, 10_000_000, 16 * MIB)
"""An answer of our own Orthanc, which lists everything that it has."""


def read_json(body: bytes, what: str = "body", limits: JsonLimits = MESSAGE) -> Any:
    """
    Parse JSON within limits.

    Args:
        body: UTF-8.
        what: What it is, as the key of the error.
        limits: Checked before parsing.

    Raises:
        MessageError: It is too large, too deep or no JSON, or an object has one name twice.
    """
    bare = _checked_bounds(body, what, limits)
    try:
        value = _parse(body, bool(_ODD_NUMBER.search(bare)))
    except _Doubled as error:
        raise MessageError(what, error.name, "each name once in an object") from error
    except ValueError as error:  # also text that is not UTF-8
        raise MessageError(what, _shown(body), f"JSON in UTF-8 ({error})") from error
    if len(body) > limits.text or _ESCAPED_SURROGATE.search(body):
        return _bounded(value, what, limits)
    return value


def _parse(body: bytes, odd_numbers: bool) -> Any:
    text = body.decode("utf-8-sig")
    if odd_numbers:
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=str,
            object_pairs_hook=_object_without_doubles,
        )
    return json.loads(text, object_pairs_hook=_object_without_doubles)


def read_object(body: bytes, what: str = "body", limits: JsonLimits = MESSAGE) -> dict[str, Any]:
    """
    Parse a JSON object within limits.

    Raises:
        MessageError: As :func:`read_json`, or it is no object.
    """
    value = read_json(body, what, limits)
    if not isinstance(value, dict):
        raise MessageError(what, _shown(body), "a JSON object")
    return value


def json_text(value: Any, depth: int = 64) -> str:
    """
    Any value as JSON text; never fails.

    What JSON cannot say is written as text: lone surrogates escaped, ``NaN`` and numbers beyond 64 bits as
    words, unknown kinds by their ``str``. What is nested deeper than ``depth`` is cut.
    """
    return json.dumps(plain(value, depth), ensure_ascii=False, separators=(",", ":"))


def plain(value: Any, depth: int = 64) -> Any:
    """The value as dictionaries, lists, texts and numbers that JSON and every store can hold; never fails."""
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _plain_number(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _plain_container(value, depth) if depth > 0 else _CUT
    return printable(_words(value))


def printable(text: str) -> str:
    """
    The text with lone surrogates written as an escape: a wrong decoding leaves them, and UTF-8 has no place
    for them.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain_number(value: float) -> int | float | str:
    if isinstance(value, int):
        return int(value) if -_INT64 <= value < _INT64 else _long_number(value)
    return float(value) if math.isfinite(value) else str(value)


def _long_number(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than CPython writes
        return f"a number of {value.bit_length()} bits"


def _plain_container(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {printable(_words(key)): plain(item, depth - 1) for key, item in value.items()}
    return [plain(item, depth - 1) for item in value]


def _words(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"a {type(value).__name__}"


def _checked_bounds(body: bytes, what: str, limits: JsonLimits) -> bytes:
    """The text with its strings empty, once it is known to be within the limits."""
    if len(body) > limits.size:
        raise MessageError(what, f"{len(body)} bytes", f"at most {limits.size} bytes")
    bare = _STRING.sub(b'"', body)
    values = bare.count(b",") + bare.count(b"[") + bare.count(b"{")
    if values > limits.values:
        raise MessageError(what, f"{values} values", f"at most {limits.values} values")
    depth = _depth(bare)
    if depth > limits.depth:
        allowed = f"at most {limits.depth} objects and lists within each other"
        raise MessageError(what, f"nested {depth} deep or more", allowed)
    return bare


def _depth(bare: bytes) -> int:
    """The greatest depth of brackets in a JSON text whose strings are empty."""
    deepest = depth = 0
    for bracket in bare.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


class _Doubled(ValueError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values under one name two readers see different ones: neither is right."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Doubled(_first_double(pairs))
    return found


def _first_double(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("asked only where there is one")


def _whole(text: str) -> int | str:
    if len(text.lstrip("-")) > _MAX_DIGITS:
        return text
    value = int(text)
    return value if -_INT64 <= value < _INT64 else text


def _number(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _bounded(value: Any, what: str, limits: JsonLimits) -> Any:
    """Check the length of each text, and write lone surrogates as escapes; the depth is bounded by now."""
    if isinstance(value, str):
        return _bounded_text(value, what, limits)
    if isinstance(value, dict):
        return {_bounded(name, what, limits): _bounded(item, what, limits) for name, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item, what, limits) for item in value]
    return value


def _bounded_text(value: str, what: str, limits: JsonLimits) -> str:
    if len(value) > limits.text:
        allowed = f"texts of at most {limits.text} characters"
        raise MessageError(what, f"a text of {len(value)} characters", allowed)
    return printable(value) if _SURROGATE.search(value) else value


def _shown(body: bytes) -> str:
    """The beginning, for people."""
    shown = body[:80].decode("utf-8", "backslashreplace")
    return shown + _CUT if len(body) > 80 else shown
