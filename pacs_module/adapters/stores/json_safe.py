"""
Study documents in the form that every store keeps and gives back alike.

What a PACS or a backend put into a document may be more than a store can hold: a lone surrogate out of a
wrong decoding, ``NaN`` or a number without end out of a computation. Such a value is written as readable
text; a study is never refused for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ...domain.errors import PermanentError, Unreadable
from ...domain.explain.listing import listed
from ...domain.study.study import Study, read_study

MOST_CHARACTERS = 64 * 2**20
"""A study of thousands of series has some; a larger document is no study's, and is not parsed."""
_INT64 = 2**63  # BSON has no larger whole numbers
# Percent-encoding, because it can be typed: MongoDB reads a dot in a query as a step into a sub-document and
# `$` as an operator, BSON cannot hold NUL in a key.
_ENCODED = {"%": "%25", ".": "%2E", "$": "%24", "\0": "%00"}


def study_to_document(study: Study) -> dict[str, Any]:
    """The study's document with values that every store can hold."""
    document: dict[str, Any] = storable(study.to_document())
    return document


def study_to_listing(study: Study) -> dict[str, Any]:
    """What a store keeps of the study for lists."""
    told: dict[str, Any] = storable(listed(study))
    return told


def study_to_text(study: Study) -> str:
    """The study's document as JSON text, readable as it stands."""
    return json.dumps(study_to_document(study), ensure_ascii=False, separators=(",", ":"))


def text_to_study(text: str) -> Study:
    """
    A study from its JSON text.

    Raises:
        Unreadable: It is no JSON, too large to be a study's, or was not written by this software.
    """
    if len(text) > MOST_CHARACTERS:
        raise Unreadable(f"a document of {len(text)} characters is too large for a study")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"a document is no JSON: {type(error).__name__} {error}") from error
    if not isinstance(document, dict):
        raise Unreadable(f"a document is {type(document).__name__}, no object")
    return document_to_study(document)


def document_to_study(document: dict[str, Any]) -> Study:
    """
    A study from its document.

    Raises:
        Unreadable: The document was not written by this software (a key is missing, a state is unknown).
    """
    try:
        return read_study(document)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unreadable(
            f"the document of study {document.get('studyUID')} cannot be read: {error}"
        ) from error


def storable(value: Any) -> Any:
    """
    The value with texts that can be written as UTF-8 and numbers that JSON knows.

    Raises:
        PermanentError: It is of a kind that JSON does not know.
    """
    kind = type(value)
    if kind is str and value.isascii():  # most values
        return value
    if kind is dict:
        return _storable_dict(value)
    if value is None or kind is bool:
        return value
    if isinstance(value, str | int | float):
        return _storable_plain(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, Enum):
        return storable(value.value)
    what = f"{value!r} of type {type(value).__name__}"
    raise PermanentError(f"{what} cannot be stored; a document holds what JSON can say")


def _storable_dict(value: dict[Any, Any]) -> dict[str, Any]:
    return {
        storable(str(key)): item if type(item) is str and item.isascii() else storable(item)
        for key, item in value.items()
    }


def _storable_plain(value: str | float) -> str | int | float:
    """A text or a number; of an enum that is one its value."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    return _storable_number(value)


def _storable_number(value: float) -> int | float | str:
    """What no JSON number and no column of 64 bits can hold is kept as its text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if -_INT64 <= value < _INT64 else str(value)


def encode_keys(value: Any) -> Any:
    """Dictionary keys, at any depth, as MongoDB can query them: ``1.2.840`` as ``1%2E2%2E840``."""
    if isinstance(value, Mapping):
        return {encode_key(key): encode_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode_keys(item) for item in value]
    return value


def encode_key(key: str) -> str:
    """One key; the contract's field names stay as they are."""
    return "".join(_ENCODED.get(character, character) for character in key)


def decode_keys(value: Any) -> Any:
    """The way back from :func:`encode_keys`; BSON's own whole numbers become plain ones."""
    if isinstance(value, Mapping):
        return {_decode_key(key): decode_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode_keys(item) for item in value]
    if isinstance(value, int) and type(value) not in (int, bool):
        return int(value)
    return value


def _decode_key(key: str) -> str:
    for character, encoded in reversed(_ENCODED.items()):
        key = key.replace(encoded, character)
    return key
