"""
How deep the sequences of a stored file lie within one another, without parsing it (K8).

Every image that may be handed over is looked at, so this costs some microseconds: only the marks of items
and pixels are looked for, and pixels are jumped over. As a rule they end the file, and its head is all that
is read of it; otherwise it is mapped.
"""

from __future__ import annotations

import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(rb"\xfe\xff[\x00\x0d]\xe0|\xe0\x7f[\x08\x09\x10]\x00")
"""Tags in little endian: an item, the end of an item (PS3.5 7.5), pixels (PS3.3 C.7.6.3, C.7.6.24)."""
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_ITEM = b"\xfe\xff\x0d\xe0"
_UNDEFINED = 0xFFFFFFFF
_PIXEL_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OV", b"UN"})
_HEAD_BYTES = 32 * 1024
_LONGEST_HEAD = 12
"""Bytes of an element before its value: tag, VR and length in explicit VR."""
_Bytes = bytes | mmap.mmap


@dataclass(frozen=True, slots=True)
class FirstLook:
    """
    At a file.

    Args:
        deeper: Whether it has more items within one another than it may have.
        head: Its first bytes.
        status: Of the file that was read.
    """

    deeper: bool
    head: bytes
    status: os.stat_result


def look(path: Path | str, levels: int) -> FirstLook | None:
    """
    Look whether a file has more than so many items within one another; None for one that cannot be opened.

    Its other elements are not looked at, and a file in big endian (retired) is taken as it is.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # gone
        return None
    try:
        return _look_at(file, levels)
    except (OSError, ValueError):  # cut in this moment
        return None
    finally:
        os.close(file)


def _look_at(file: int, levels: int) -> FirstLook:
    status, head = os.fstat(file), os.read(file, _HEAD_BYTES)
    deeper, seen = _looked_through(head, status.st_size, levels)
    if not deeper and seen < status.st_size:
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
            deeper = is_deeper(content, levels)
    return FirstLook(deeper, head, status)


def is_deeper(content: _Bytes, levels: int) -> bool:
    """Whether the bytes of a file have more than so many items within one another."""
    return _looked_through(content, len(content), levels)[0]


def _looked_through(content: _Bytes, size: int, levels: int) -> tuple[bool, int]:
    """
    Whether the beginning of a file of so many bytes has more items within one another, and how far nothing
    of the file can have hidden any.
    """
    open_until: list[int | None] = []  # of each item around the place; None: until its end is marked
    place = 0
    while (mark := _MARK.search(content, place)) is not None:
        at = mark.start()
        if at + _LONGEST_HEAD > len(content) < size:  # its length lies beyond the beginning
            break
        _close_ended(open_until, at)
        if mark[0] == _ITEM:
            length = _number(content, at + 4)
            place = at + 8
            open_until.append(None if length == _UNDEFINED else place + length)
            if len(open_until) > levels:
                return True, place
        elif mark[0] == _END_OF_ITEM:
            place = at + 8
            if open_until:
                open_until.pop()
        else:
            place = _behind_pixels(content, at, size)
    return False, max(place, len(content))


def _close_ended(open_until: list[int | None], at: int) -> None:
    """Take away items that end before a place."""
    while open_until and (until := open_until[-1]) is not None and until <= at:
        open_until.pop()


def _behind_pixels(content: _Bytes, at: int, size: int) -> int:
    """Where an element of pixels ends: its tag may also be part of a value, then right behind the tag."""
    explicit = content[at + 4 : at + 6] in _PIXEL_VRS
    value = at + (12 if explicit else 8)
    length = _number(content, value - 4)
    if length != _UNDEFINED:
        return value + length if value + length <= size else at + 4
    while content[value : value + 4] == _ITEM:  # fragments of compressed pixels
        value += 8 + _number(content, value + 4)
    return value


def _number(content: _Bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "little")
