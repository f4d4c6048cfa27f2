"""
JSON from outside is bounded before it is parsed, and JSON that goes out can always be written.

Does not prove that a server asks the reader; the tests of web, queue and HTTP client do.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.json_text import (
    JsonLimits,
    json_text,
    plain,
    printable,
    read_json,
    read_object,
)

DEEP = 100_000
SMALL = JsonLimits(size=1000, depth=4, values=20, text=50)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":[' * DEEP,
        b"[{" * DEEP,
        b'{"studyUID": "1.2", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b" \n\t[" * DEEP,
        b"[1," * DEEP,
        b'["]",' * DEEP,
        b'["\\"",' * DEEP,
    ],
)
def test_what_is_nested_deep_is_refused_without_recursion(body: bytes) -> None:
    limit = sys.getrecursionlimit()
    with pytest.raises(MessageError, match=r"nested|values"):
        read_json(body)
    assert sys.getrecursionlimit() == limit


def test_brackets_in_texts_are_no_depth() -> None:
    body = json.dumps({"x": "[" * 1000 + '\\"{' * 10, "y\\[": ["]", '"[[[[[[']})
    assert read_json(body.encode()) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'"' + b"a" * 1001 + b'"', "1000 bytes"),
        (b"[[[[[1]]]]]", "4 objects and lists"),
        (b"[" + b"1," * 20 + b"1]", "20 values"),
        (b'{"a": "' + b"x" * 51 + b'"}', "50 characters"),
        (b'{"' + b"x" * 51 + b'": 1}', "50 characters"),
        (b"", "JSON"),
        (b"[1", "JSON"),
        (b"nul", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b'{"a": 1, "a": 2}', "each name once"),
        (b'{"x": {"a": 1, "b": 2, "a": 1}}', "each name once"),
        (b'"\x00"', "JSON"),
        (b"[1] [2]", "JSON"),
    ],
)
def test_what_is_beyond_the_limits_or_no_json_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(MessageError, match=words) as caught:
        read_json(body, "body", SMALL)
    assert caught.value.key == "body"
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b"1e999", "1e999"),
        (b"-1E+4000", "-1E+4000"),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", "9223372036854775808"),
        (b"-9223372036854775808", -(2**63)),
        (b"1" * 5000, "1" * 5000),
        (b"-" + b"9" * 30, "-" + "9" * 30),
        (b'"\\ud800"', "\\ud800"),
        (b'{"\\udc00": ["a\\uDFFF"]}', {"\\udc00": ["a\\udfff"]}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"NaN 12345678901234567890"', "NaN 12345678901234567890"),
        (b"\xef\xbb\xbf[1.5]", [1.5]),
        (b"0.1", 0.1),
        (b'"\\u0000"', "\0"),
    ],
)
def test_a_value_that_no_store_can_hold_becomes_text(body: bytes, value: object) -> None:
    assert read_json(body) == value


def test_an_object_is_asked_for() -> None:
    assert read_object(b'{"a": null}') == {"a": None}
    with pytest.raises(MessageError, match="a JSON object"):
        read_object(b"[]")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters()) | st.integers(), inner)
        | st.sets(st.text())
    ),
    max_leaves=20,
)


@given(ANYTHING)
def test_anything_can_be_written_and_read_again(value: Any) -> None:
    assert read_json(json_text(value).encode(), limits=JsonLimits(depth=100)) == plain(value)


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(MessageError):
        json_text(read_json(body)).encode()


class Rude:
    def __str__(self) -> str:
        raise RuntimeError


def test_the_encoder_cannot_fail() -> None:
    endless: list[Any] = []
    endless.append(endless)
    written = json_text(
        {"x": "\ud800", "n": math.nan, "i": 10**5000, "o": Rude(), 5: {1}, "e": endless, "b": b"\xff"}
    )
    assert '"x":"\\\\ud800","n":"nan","i":"a number of 16610 bits","o":"a Rude","5":[1]' in written
    assert json.loads(written)["b"] == "\\xff"


def test_printable() -> None:
    assert printable("胸\udcff") == "胸\\udcff"
