"""
The header of a DICOM file, and what the rules judge of it: for received images, and for a folder of files.

A foreign file costs a bounded number of bytes, levels and seconds, and what cannot be read is a value.
"""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, cast

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble
from pydicom.tag import BaseTag, Tag

from ..domain.dicom.anatomy import region_of
from ..domain.dicom.attributes import SeriesFacts
from ..domain.dicom.charsets import decode_text
from ..domain.dicom.device import DEVICE_ATTRIBUTES
from ..domain.dicom.images import READ_OF_IMAGES
from ..domain.dicom.text_repair import hex_bytes, text_of_bytes
from ..domain.rules.body_part import BODY_PART
from ..domain.rules.filters import KEYWORD_ATTRIBUTES
from ..domain.rules.read_attributes import READ_BY_RULES

MAX_DEPTH = 32
"""Sequences within one another; enhanced objects have four."""
_MAX_BYTES = 64 * 2**20
"""
Read of one file before its pixels; the largest headers (enhanced CT, thousands of frames) have some 10 MB.
"""
_MAX_VALUE = 16 * 2**20
"""A longer value is passed over."""
_MAX_SECONDS = 5.0
_DEFLATED = "1.2.840.10008.1.2.1.99"
_OF_THE_STUDY = ("AccessionNumber", "PatientID", "StudyDate", "StudyTime")
_WANTED = (*READ_BY_RULES, *_OF_THE_STUDY, *DEVICE_ATTRIBUTES)
READ_OF_RECEIVED = frozenset(_WANTED) | READ_OF_IMAGES | {"AnatomicRegionSequence"}
"""Keywords of all that is asked of a received image."""
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Their tags as numbers, which are what a tag is equal to and hashed by."""
_BINARY = {"US", "SS", "UL", "SL", "FL", "FD", "AT", "SV", "UV", "US or SS"}
_OPAQUE = {"OB", "OW", "OD", "OF", "OL", "OV", "UN", "OB or OW"}
_NO_TEXT = _BINARY | _OPAQUE | {"SQ"}
_CHARSET = Tag(0x0008, 0x0005)


@dataclass(frozen=True)
class Header:
    """
    What stands before the pixels.

    Args:
        tags: By keyword: text, several values joined by a backslash, or a list of such mappings for a
            sequence. Private and binary elements are left out.
        values: The undecoded values by keyword, of the first level.
    """

    tags: Mapping[str, Any]
    values: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, keyword: str) -> str:
        """A text, empty when it is absent or a sequence."""
        value = self.tags.get(keyword, "")
        return value if isinstance(value, str) else ""

    def raw(self, keyword: str) -> bytes:
        """The bytes of a text without its padding, empty when absent."""
        return self.values.get(keyword, b"").rstrip(b" \0")


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read within the limits; ``why`` in words, without values of the file."""

    why: str


def read_header(file: BinaryIO, wanted: frozenset[str] | None = None) -> Header | Unreadable:
    """
    Read one DICOM file up to its pixels.

    Args:
        file: At its beginning.
        wanted: Keywords of the first level that are read, the others are passed over; None: all of them.

    Returns:
        The header; Unreadable whatever is wrong with the file, and beyond the limits of this module.

    Raises:
        OSError: The file itself cannot be read.
    """
    bounded = _Bounded(file)
    try:
        dataset = _dataset(bounded, _tags_of(wanted) if wanted is not None else None)
        declared = _declared(dataset)
        return Header(_tags(dataset, declared, 0), _values(dataset))
    except _TooMuch as error:
        return Unreadable(str(error))
    except RecursionError:
        return Unreadable(f"more than {MAX_DEPTH} nested sequences")
    except Exception as error:  # a foreign file: whatever it makes a parser do, it costs only itself
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk; pydicom's own have no number
        if isinstance(error.__context__, RecursionError):
            return Unreadable(f"more than {MAX_DEPTH} nested sequences")
        return Unreadable(f"no readable DICOM file ({type(error).__name__})")


def read_facts(header: Header, series_uid: str, expected: int | None) -> SeriesFacts:
    """
    Take from the first image of a series what the rules judge by.

    An attribute that the image lacks is known to be empty, other than one that a PACS did not return.

    Args:
        header: Of the image.
        series_uid: SeriesInstanceUID.
        expected: Instances that the PACS announced, None when it did not.
    """
    attributes = {keyword: header.text(keyword) for keyword in _WANTED}
    if not attributes[BODY_PART].strip():
        attributes[BODY_PART] = region_of(header.tags)
    raw = {
        keyword: hex_bytes(data)
        for keyword in KEYWORD_ATTRIBUTES
        if not (data := header.raw(keyword)).isascii()
    }
    return SeriesFacts(series_uid, attributes, expected, raw)


class _TooMuch(Exception):
    """A limit of this module is reached."""


class _Bounded(io.RawIOBase):
    """A file that says no after so many bytes or seconds; pydicom has no limits of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MAX_BYTES
        self._until = time.monotonic() + _MAX_SECONDS

    def read(self, size: int = -1) -> bytes:
        """As the file does."""
        data = self._file.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuch(f"more than {_MAX_BYTES // 2**20} MB before the pixels")
        if time.monotonic() > self._until:
            raise _TooMuch(f"not read within {_MAX_SECONDS:g} s")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """As the file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As the file does."""
        return self._file.tell()


@lru_cache(maxsize=8)
def _tags_of(keywords: frozenset[str]) -> list[BaseTag]:
    return [Tag(tag) for keyword in sorted(keywords) if (tag := tag_for_keyword(keyword)) is not None]


def _dataset(file: _Bounded, tags: list[BaseTag] | None) -> Dataset:
    read_preamble(file, force=False)  # type: ignore[arg-type]
    meta = _read_file_meta_info(file)  # type: ignore[arg-type]
    if str(meta.get("TransferSyntaxUID", "")) == _DEFLATED:
        return _inflated(file, tags)
    file.seek(0)
    return dcmread(file, stop_before_pixels=True, defer_size=_MAX_VALUE, force=False, specific_tags=tags)


def _inflated(file: _Bounded, tags: list[BaseTag] | None) -> Dataset:
    """A bomb inflates to a thousand times its size: no more than the limit is looked at."""
    data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), _MAX_BYTES)
    inner = cast(BinaryIO, _Bounded(io.BytesIO(data)))
    return read_dataset(
        inner, is_implicit_VR=False, is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag in _PIXELS, defer_size=_MAX_VALUE,
        specific_tags=None if tags is None else [*tags],
    )  # fmt: skip


def _declared(dataset: Dataset) -> tuple[str, ...]:
    element = dataset.get_item(_CHARSET)
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.split("\\")
    return tuple(str(one).strip(" \0") for one in value or ())


def _tags(dataset: Dataset, declared: tuple[str, ...], depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise _TooMuch(f"more than {MAX_DEPTH} nested sequences")
    found: dict[str, Any] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset converts its elements
        keyword = keyword_for_tag(tag)
        if not keyword or tag in _PIXELS:
            continue
        element = dataset.get_item(tag)
        if element is not None and element.value is not None:
            value = _value_or_none(dataset, tag, element, declared, depth)
            if value is not None:
                found[keyword] = value
    return found


def _value_or_none(
    dataset: Dataset,
    tag: BaseTag,
    element: DataElement | RawDataElement,
    declared: tuple[str, ...],
    depth: int,
) -> Any:
    """
    A value that cannot be decoded costs only itself; a sequence costs the image, whose frames are in it.
    """
    try:
        return _value(dataset, tag, element, declared, depth)
    except (_TooMuch, RecursionError):
        raise
    except Exception:
        if dictionary_VR(tag) == "SQ":
            raise
        return _text(element.value, declared) if _is_written_out(tag, element.value) else None


def _is_written_out(tag: BaseTag, value: Any) -> bool:
    """Whether a text stands under a VR of bytes or numbers: as it is, anybody can read it."""
    told = value.strip(b" \0") if isinstance(value, bytes) else b""
    return bool(told) and dictionary_VR(tag) not in _NO_TEXT and all(32 <= one < 127 for one in told)


def _value(
    dataset: Dataset,
    tag: BaseTag,
    element: DataElement | RawDataElement,
    declared: tuple[str, ...],
    depth: int,
) -> Any:
    """Text, or the items of a sequence; None for what is neither."""
    vr = element.VR or dictionary_VR(tag)
    if vr == "UN":
        vr = dictionary_VR(tag)
    if vr == "SQ":
        return [_tags(item, declared, depth + 1) for item in dataset[tag].value]
    if vr in _NO_TEXT and _is_written_out(tag, element.value):
        return _text(element.value, declared)
    if vr in _BINARY:
        value = dataset[tag].value
        return (
            "\\".join(f"{one}" for one in value)
            if _is_several(value)
            else f"{'' if value is None else value}"
        )
    if vr in _OPAQUE:
        return None
    return _text(element.value, declared)


def _text(value: Any, declared: tuple[str, ...]) -> str:
    if not isinstance(value, bytes):
        return "\\".join(map(str, value)) if _is_several(value) else str(value)
    data = value.rstrip(b" \0")
    text = decode_text(data, declared) if declared or data.isascii() else text_of_bytes(data)
    return "\\".join(part.strip(" \0") for part in text.split("\\"))


def _is_several(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _values(dataset: Dataset) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset converts its elements
        element, keyword = dataset.get_item(tag), keyword_for_tag(tag)
        if keyword and isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            found[keyword] = element.value
    return found
