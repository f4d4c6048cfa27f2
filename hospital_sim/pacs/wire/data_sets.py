"""
Flat DICOM data sets to bytes and back, little endian (PS3.5 7.1).

pydicom encodes text as the declared character set says; a PACS that declares one and sends another needs the
bytes in its own hand. Also some ten times faster for the short data sets of C-FIND.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Mapping
from io import BytesIO

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset

from hospital_sim.pacs.wire.text import TEXT_VRS, TextCoding, decode

SPECIFIC_CHARACTER_SET = 0x00080005
_LONG_FORM = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
)  # PS3.5 7.1.2
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}

Element = tuple[int, str, bytes]
"""Tag, VR and value, not yet padded."""


@functools.cache
def tag_of(keyword: str) -> int:
    """(0010,0020) as a number for PatientID."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


@functools.cache
def vr_of(tag: int) -> str:
    """The VR in the data dictionary; the first where there is a choice."""
    return dictionary_VR(tag).split(" ")[0]


@functools.cache
def keyword_of(tag: int) -> str:
    """PatientID for (0010,0020); empty for a tag that we do not know."""
    return keyword_for_tag(tag)


def value_to_bytes(vr: str, value: str, coding: TextCoding) -> bytes:
    """A value as text to its bytes; several values are separated by backslashes."""
    if vr in TEXT_VRS:
        return coding.encode(value)
    if vr in _NUMBERS:
        numbers = [float(one) if vr[0] == "F" else int(one) for one in value.split("\\") if one]
        return struct.pack(f"<{len(numbers)}{_NUMBERS[vr]}", *numbers)
    return value.encode("ascii", errors="replace")


def encode_element(element: Element, *, implicit: bool) -> bytes:
    """One element, padded to even length (PS3.5 6.2)."""
    tag, vr, value = element
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<I", len(value)) + value
    if vr in _LONG_FORM:
        return head + vr.encode() + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + vr.encode() + struct.pack("<H", len(value)) + value


def encode_answer(
    values: Mapping[str, str], coding: TextCoding, *, implicit: bool, vrs: Mapping[str, str] | None = None
) -> bytes:
    """
    A C-FIND answer.

    Args:
        values: Keyword to text.
        coding: Bytes and declaration of text.
        implicit: Implicit VR, else explicit.
        vrs: Another VR than the dictionary's for these keywords.
    """
    elements: list[Element] = []
    if coding.declared is not None:
        elements.append((SPECIFIC_CHARACTER_SET, "CS", coding.declared.encode()))
    for keyword, text in values.items():
        tag = tag_of(keyword)
        vr = vr_of(tag)
        elements.append((tag, (vrs or {}).get(keyword, vr), value_to_bytes(vr, text, coding)))
    return b"".join(encode_element(one, implicit=implicit) for one in sorted(elements))


def decode_flat(raw: bytes, *, implicit: bool, tags: Iterable[int] | None = None) -> dict[str, str]:
    """
    Keyword to text of all elements that are not sequences; unknown and private tags are left out.

    Works on the raw bytes, because pydicom warns of what other PACS send.
    """
    values = raw_values(raw, implicit=implicit, tags=tags)
    declared = values.get("SpecificCharacterSet", b"").decode("ascii", "replace").strip(" \0").split("\\")[0]
    return {keyword: _to_text(vr_of(tag_of(keyword)), value, declared) for keyword, value in values.items()}


def raw_values(raw: bytes, *, implicit: bool, tags: Iterable[int] | None = None) -> dict[str, bytes]:
    """Keyword to bytes, padding included."""
    wanted = list(tags) if tags is not None else None
    last = max(wanted) if wanted else 0xFFFFFFFF  # what lies behind is not read, be it as deep as it may
    dataset = read_dataset(
        BytesIO(raw), implicit, True, stop_when=lambda tag, vr, length: int(tag) > last, specific_tags=wanted
    )
    values: dict[str, bytes] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating the data set itself would decode its values
        keyword = keyword_of(int(tag))
        if not keyword or vr_of(int(tag)) in ("SQ", "OB", "OW", "UN"):
            continue
        element = dataset.get_item(tag)
        value = element.value if isinstance(element, RawDataElement) else b""
        values[keyword] = value if isinstance(value, bytes) else b""
    return values


def _to_text(vr: str, raw: bytes, declared: str) -> str:
    if vr in _NUMBERS:
        size = struct.calcsize(_NUMBERS[vr])
        return "\\".join(
            str(one)
            for one in struct.unpack(f"<{len(raw) // size}{_NUMBERS[vr]}", raw[: len(raw) // size * size])
        )
    text = decode(raw, declared) if vr in TEXT_VRS else raw.decode("ascii", "replace")
    return text.rstrip(" \0")
