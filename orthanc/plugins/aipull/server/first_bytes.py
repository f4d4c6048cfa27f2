"""
Who a stored file says that it is: read from its first bytes, without parsing it (K1).

As a rule the elements stand there; what is not found, or stands there in another way, is not told, and
whoever asks reads the header.
"""

from __future__ import annotations

import os
from typing import NamedTuple

HEAD_BYTES = 8 * 1024
Stamp = tuple[int, int, int]
"""Inode, bytes and time of change: while they are the same the content is the same."""


class Said(NamedTuple):
    """The values as they are in the file, without padding; None: not seen."""

    sop_uid: bytes | None
    patient_id: bytes | None
    study_uid: bytes | None
    series_uid: bytes | None


_ELEMENTS = (
    (b"\x08\x00\x18\x00", b"UI"),
    (b"\x10\x00\x20\x00", b"LO"),
    (b"\x20\x00\x0d\x00", b"UI"),
    (b"\x20\x00\x0e\x00", b"UI"),
)
"""Tag in little endian, and VR, in the order of :class:`Said`."""


def said_by(head: bytes) -> Said:
    """What the beginning of a file says (``HEAD_BYTES`` of it)."""
    return Said(*(_value(head, tag, vr) for tag, vr in _ELEMENTS))


def stamp_of(status: os.stat_result) -> Stamp:
    """Of a file; a hard link has that of the file."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _value(head: bytes, tag: bytes, vr: bytes) -> bytes | None:
    """The first value with this tag in explicit or else in implicit VR, little endian."""
    explicit = head.find(tag + vr)
    if explicit >= 0:
        return _behind_length(head, explicit + len(tag) + len(vr), 2)
    implicit = head.find(tag)
    return _behind_length(head, implicit + len(tag), 4) if implicit >= 0 else None


def _behind_length(head: bytes, at: int, size: int) -> bytes:
    """The value whose length stands here, in so many bytes."""
    begin = at + size
    length = int.from_bytes(head[at:begin], "little")
    return head[begin : begin + length].strip(b" \0")
