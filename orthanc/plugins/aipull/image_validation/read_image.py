"""
Reads a DICOM file from end to end without loading its pixels: what is wanted of its header, how long its
pixels are, and whether the file has what its lengths promise.

No parser is asked: one that repairs or stops early would not see what is missing. Bytes, elements and seconds
are bounded; what cannot be read is a value.
"""

from __future__ import annotations

import mmap
import os
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from pydicom.datadict import dictionary_VR, tag_for_keyword

from pacs_module.domain.image_validation.image import ImageRead, Pixels

from ..server.nesting import is_deeper

MAX_DEPTH = 32
_MAX_ELEMENTS = 1_000_000
_MAX_INFLATED = 512 * 2**20
_MAX_SECONDS = 5.0
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = {0x7FE00010: 0, 0x7FE00008: 32, 0x7FE00009: 64}
"""Bits of a sample; 0: as BitsAllocated says."""
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""With a length of 32 bits (PS3.5 7.1.2)."""
_META, _GROUP_LENGTH = b"\x02\x00", 0x00020000
_PREAMBLE = 128
_LONGEST_VALUE = 1024
_Bytes = bytes | mmap.mmap
_NUMBERS = Struct("<HH"), Struct("<H"), Struct("<I")
_BIG_ENDIAN_NUMBERS = Struct(">HH"), Struct(">H"), Struct(">I")
"""A tag, a length of 16 bits, a length of 32 bits."""


class _Broken(Exception):
    """The file cannot be read on; the words name no value of it."""


@dataclass(frozen=True)
class _Element:
    """One element: where its value begins, and how long it is; None: until its end mark."""

    tag: int
    vr: bytes
    at: int
    length: int | None


def wanted_tags(keywords: tuple[str, ...]) -> dict[int, str]:
    """
    Tags of attributes by their keywords.

    Raises:
        KeyError: There is no such attribute.
    """
    found: dict[int, str] = {}
    for keyword in keywords:
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        found[int(tag)] = keyword
    return found


def read_file(path: str, wanted: Mapping[int, str]) -> ImageRead:
    """
    Read a file.

    Raises:
        OSError: It cannot be opened.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(file).st_size == 0:
            return ImageRead(unreadable="the file is empty")
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
            return read_bytes(content, wanted)
    finally:
        os.close(file)


def read_bytes(content: _Bytes, wanted: Mapping[int, str]) -> ImageRead:
    """Read the bytes of a file; what is wrong with it stands in ``unreadable``."""
    if content[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        return ImageRead(unreadable="no DICOM file: the mark DICM is not there")
    if is_deeper(content, MAX_DEPTH):
        return ImageRead(unreadable=f"more than {MAX_DEPTH} nested sequences")
    meta = _Reader(content, wanted, _PREAMBLE + 4)
    try:
        meta.read_meta()
    except _Broken as error:
        return ImageRead(meta.values, unreadable=f"file meta information: {error}")
    syntax, begin = meta.values.get("TransferSyntaxUID", ""), meta.at
    if not syntax:
        return ImageRead(meta.values, unreadable="no transfer syntax")
    return _dataset(content, wanted, meta.values, syntax, begin)


def _dataset(
    content: _Bytes, wanted: Mapping[int, str], meta: Mapping[str, str], syntax: str, begin: int
) -> ImageRead:
    try:
        whole, at = (_inflated(content, begin), 0) if syntax == _DEFLATED else (content, begin)
    except (_Broken, zlib.error) as error:
        return ImageRead(meta, syntax, unreadable=f"deflated: {error}", dataset_at=begin)
    reader = _Reader(whole, wanted, at, syntax == _IMPLICIT, syntax == _BIG_ENDIAN)
    fault = _fault_of(reader)
    return ImageRead({**meta, **reader.values}, syntax, reader.pixels, fault, begin)


def _fault_of(reader: _Reader) -> str:
    """Read a dataset to its end, and say what is wrong with it; empty: nothing."""
    try:
        reader.read()
    except _Broken as error:
        return str(error)
    return "" if reader.elements else "it has no element"


def _inflated(content: _Bytes, begin: int) -> bytes:
    """A bomb inflates to a thousand times its size: no more than the limit is looked at."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflate.decompress(content[begin:], _MAX_INFLATED)
    if inflate.unconsumed_tail:
        raise _Broken(f"more than {_MAX_INFLATED // 2**20} MB")
    if not inflate.eof:
        raise _Broken("it ends in the middle")
    return data


class _Reader:
    """Walks the elements of the first level; sequences are walked only where they have no length."""

    def __init__(
        self,
        content: _Bytes,
        wanted: Mapping[int, str],
        at: int,
        implicit: bool = False,
        big_endian: bool = False,
    ) -> None:
        self._tag, self._short, self._long = _BIG_ENDIAN_NUMBERS if big_endian else _NUMBERS
        self._content, self._size = content, len(content)
        self._wanted = wanted
        self._implicit = implicit
        self._until = time.monotonic() + _MAX_SECONDS
        self.at = at
        self.elements = 0
        self.values: dict[str, str] = {}
        self.pixels: Pixels | None = None

    def read(self) -> None:
        """
        Read to the end.

        Raises:
            _Broken: There is less than the lengths promise, or too much.
        """
        while self.at < self._size:
            self._take(self._header())

    def read_meta(self) -> None:
        """
        Read the file meta information: to the end that it tells, or to the first element of another group.
        """
        end = self._size
        while self.at < end and self._content[self.at : self.at + 2] == _META:
            element = self._header()
            self._take(element)
            if element.tag == _GROUP_LENGTH and element.length == 4:
                end = self.at + int(self._long.unpack_from(self._content, element.at)[0])

    def _take(self, element: _Element) -> None:
        if element.tag in _PIXELS:
            self._read_pixels(element)
            return
        if element.length is None:
            self._skip_undefined_length(element)
            return
        end = element.at + element.length
        if end > self._size:
            there = self._size - element.at
            raise _Broken(f"element {_name(element.tag)} has {there} of {element.length} bytes")
        keyword = self._wanted.get(element.tag)
        if keyword is not None:
            self.values[keyword] = self._value(element)
        self.at = end

    def _skip_undefined_length(self, element: _Element) -> None:
        """What an element UN without a length holds is implicit, whatever the file is (PS3.5 6.2.2)."""
        before = self._implicit
        self._implicit = before or element.vr == b"UN"
        self._skip_sequence()
        self._implicit = before

    def _header(self) -> _Element:
        """The element at this place; the place is behind its header then."""
        self._count()
        at = self.at
        if at + 8 > self._size:
            raise self._too_few(at)
        group, number = self._tag.unpack_from(self._content, at)
        tag, vr = group << 16 | number, b""
        if group == 0xFFFE or self._implicit:
            (length,) = self._long.unpack_from(self._content, at + 4)
            self.at = at + 8
        else:
            vr = bytes(self._content[at + 4 : at + 6])
            length = self._explicit(vr, tag, at)
        return _Element(tag, vr, self.at, None if length == _UNDEFINED else length)

    def _explicit(self, vr: bytes, tag: int, at: int) -> int:
        if not (vr.isalpha() and vr.isupper()):
            raise _Broken(f"element {_name(tag)} has no value representation")
        if vr not in _LONG_VRS:
            self.at = at + 8
            return int(self._short.unpack_from(self._content, at + 6)[0])
        if at + 12 > self._size:
            raise self._too_few(at)
        self.at = at + 12
        return int(self._long.unpack_from(self._content, at + 8)[0])

    def _too_few(self, at: int) -> _Broken:
        return _Broken(f"{self._size - at} bytes are left, too few for an element")

    def _count(self) -> None:
        self.elements += 1
        if self.elements > _MAX_ELEMENTS:
            raise _Broken(f"more than {_MAX_ELEMENTS} elements")
        if self.elements % 1024 == 0 and time.monotonic() > self._until:
            raise _Broken(f"not read within {_MAX_SECONDS:g} s")

    def _skip_sequence(self) -> None:
        """
        Behind the end mark of a sequence whose value begins here; a stack, because depth comes from outside.
        """
        inside_item = [False]
        while inside_item:
            element = self._header()
            if len(inside_item) > 2 * MAX_DEPTH:
                raise _Broken(f"more than {MAX_DEPTH} nested sequences")
            if element.tag in (_END_OF_SEQUENCE, _END_OF_ITEM):
                if inside_item.pop() != (element.tag == _END_OF_ITEM):
                    raise _Broken("the end of a sequence or an item stands where none began")
            elif not inside_item[-1] and element.tag != _ITEM:
                raise _Broken(f"element {_name(element.tag)} stands between the items of a sequence")
            elif element.length is None:
                inside_item.append(element.tag == _ITEM)
            else:
                self._jump(element.length)

    def _jump(self, length: int) -> None:
        self.at += length
        if self.at > self._size:
            raise _Broken(f"a sequence ends {self.at - self._size} bytes behind the file")

    def _read_pixels(self, element: _Element) -> None:
        bits = _PIXELS[element.tag]
        if element.length is None:
            self.pixels = self._fragments(bits)
            return
        there = min(element.length, self._size - element.at)
        self.pixels = Pixels(there, element.length, bits=bits)
        self.at = element.at + there

    def _fragments(self, bits: int) -> Pixels:
        """Encapsulated pixels (PS3.5 A.4): the first item is the offset table."""
        sizes, ended = self._items()
        fragments = sizes[1:]
        return Pixels(sum(fragments), None, sum(size > 0 for size in fragments), ended, bits)

    def _items(self) -> tuple[list[int], bool]:
        """Bytes of each whole item up to the end mark, or to the file's end; whether the mark is there."""
        sizes: list[int] = []
        while self.at + 8 <= self._size:
            element = self._header()
            if element.tag == _END_OF_SEQUENCE:
                return sizes, True
            if element.tag != _ITEM or element.length is None:
                break
            there = min(element.length, self._size - element.at)
            self.at = element.at + there
            if there < element.length:
                break
            sizes.append(there)
        self.at = self._size
        return sizes, False

    def _value(self, element: _Element) -> str:
        length = min(element.length or 0, _LONGEST_VALUE)
        data = bytes(self._content[element.at : element.at + length])
        if _vr_of(element) == "US" and len(data) >= 2:
            return str(self._short.unpack_from(data)[0])
        return data.decode("latin-1").strip(" \0")


def _vr_of(element: _Element) -> str:
    """As the file says, or the dictionary where it does not."""
    vr = element.vr.decode("ascii")
    return dictionary_VR(element.tag) if vr in ("", "UN") else vr


def _name(tag: int) -> str:
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
