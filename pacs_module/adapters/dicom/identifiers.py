"""
Identifiers of C-FIND (PS3.4 C.2.2.1) from and to bytes, Implicit VR Little Endian.

pydicom warns or raises at unknown character sets, bad UIDs and numbers that are none; a finder takes what
comes. Values stay text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from ...domain.dicom.attributes import Attributes
from ...domain.dicom.charsets import decode_text
from ...domain.errors import PermanentError

_ELEMENT = struct.Struct("<HHL")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_SPECIFIC_CHARACTER_SET = 0x00080005
_NUMBERS = {
    "US": "H",
    "US or SS": "H",
    "SS": "h",
    "UL": "L",
    "SL": "l",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
}
_NO_TEXT = frozenset({"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "OB or OW", "UN", "AT"})
_UTF8 = "ISO_IR 192"


def encode_identifier(level: str, query: Mapping[str, str], return_keys: Sequence[str]) -> bytes:
    """
    Write the identifier of a request; one with other than ASCII letters is sent and declared as UTF-8.

    Raises:
        PermanentError: A keyword that DICOM does not know, or a key that is no text.
    """
    keys = {**dict.fromkeys(return_keys, ""), **query, "QueryRetrieveLevel": level}
    if not all(value.isascii() for value in keys.values()):
        keys["SpecificCharacterSet"] = _UTF8
    return b"".join(
        _element(tag, keyword, keys[keyword])
        for tag, keyword in sorted((_tag(keyword), keyword) for keyword in keys)
    )


def decode_identifier(data: bytes) -> Attributes:
    """
    Read an answer, whatever it is: keyword to text, several values joined by a backslash.

    Private attributes, sequences and binary values are left out.
    """
    elements = dict(_elements(data))
    declared = tuple(
        term.strip(" \0") for term in elements.get(_SPECIFIC_CHARACTER_SET, b"").decode("latin-1").split("\\")
    )
    answer = {}
    for tag, value in elements.items():
        keyword = keyword_for_tag(tag)
        text = _text(tag, value, declared) if keyword else None
        if text is not None:
            answer[keyword] = text
    return answer


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise PermanentError(f"DICOM knows no attribute {keyword!r}")
    return tag


def _element(tag: int, keyword: str, text: str) -> bytes:
    vr = dictionary_VR(tag)
    if text and (vr in _NUMBERS or vr in _NO_TEXT):
        raise PermanentError(f"{keyword} is no text and cannot be matched")
    value = text.encode("utf-8")
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    return _ELEMENT.pack(tag >> 16, tag & 0xFFFF, len(value)) + value


def _text(tag: int, value: bytes, declared: tuple[str, ...]) -> str | None:
    vr = dictionary_VR(tag)
    if vr in _NO_TEXT:
        return None
    if vr in _NUMBERS:
        form = struct.Struct("<" + _NUMBERS[vr])
        return "\\".join(
            str(number) for (number,) in form.iter_unpack(value[: len(value) // form.size * form.size])
        )
    return decode_text(value, declared).rstrip(" \0")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and values of the top level; an answer that is cut short gives what is there."""
    offset = 0
    while offset + _ELEMENT.size <= len(data):
        tag, length, offset = _head(data, offset)
        if length == _UNDEFINED:
            offset = _after(data, offset, _SEQUENCE_END)
            continue
        yield tag, data[offset : offset + length]
        offset += length


def _head(data: bytes, offset: int) -> tuple[int, int, int]:
    group, element, length = _ELEMENT.unpack_from(data, offset)
    return group << 16 | element, length, offset + _ELEMENT.size


def _after(data: bytes, offset: int, end: int) -> int:
    """The offset behind a sequence or an item of undefined length (PS3.5 7.5)."""
    open_ends = [end]
    while open_ends and offset + _ELEMENT.size <= len(data):
        tag, length, offset = _head(data, offset)
        if tag == open_ends[-1]:
            open_ends.pop()
        elif length == _UNDEFINED:
            open_ends.append(_ITEM_END if tag == _ITEM else _SEQUENCE_END)
        else:
            offset += length
    return offset if not open_ends else len(data)
