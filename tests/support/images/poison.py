"""
Objects that harm whoever reads them: nested sequences, deflate bombs, lying lengths. Made of bytes: no
library writes them.
"""

from __future__ import annotations

import struct
import zlib

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
_UNDEFINED = 0xFFFFFFFF


def element(group: int, number: int, vr: str, value: bytes) -> bytes:
    """One element with a short length, explicit VR little endian."""
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    return struct.pack("<HH", group, number) + vr.encode() + struct.pack("<H", len(value)) + value


def blob(length: int, value: bytes = b"") -> bytes:
    """A private OB element that says a length, whatever follows."""
    return struct.pack("<HH", 0x0029, 0x1010) + b"OB\0\0" + struct.pack("<I", length) + value


def nested(depth: int, defined: bool = False) -> bytes:
    """ReferencedImageSequence within itself, with undefined lengths or with true ones."""
    if not defined:
        head = struct.pack("<HH", 0x0008, 0x1140) + b"SQ\0\0" + struct.pack("<I", _UNDEFINED)
        head += struct.pack("<HHI", 0xFFFE, 0xE000, _UNDEFINED)
        tail = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return head * depth + tail * depth
    parts, length = [], 0
    for _ in range(depth):
        head = struct.pack("<HH", 0x0008, 0x1140) + b"SQ\0\0" + struct.pack("<I", length + 8)
        parts.append(head + struct.pack("<HHI", 0xFFFE, 0xE000, length))
        length += 20
    return b"".join(reversed(parts))


def dataset(
    study_uid: str, sop_uid: str, harm: bytes = b"", series_uid: str = "", patient_id: str = "POISON"
) -> bytes:
    """A small CT object without pixels, the harm before its identity."""
    before = [
        element(0x0008, 0x0016, "UI", CT.encode()), element(0x0008, 0x0018, "UI", sop_uid.encode()),
        element(0x0008, 0x0020, "DA", b"20260101"), element(0x0008, 0x0060, "CS", b"CT"),
    ]  # fmt: skip
    after = [
        element(0x0010, 0x0010, "PN", b"POISON"), element(0x0010, 0x0020, "LO", patient_id.encode()),
        element(0x0020, 0x000D, "UI", study_uid.encode()),
        element(0x0020, 0x000E, "UI", (series_uid or f"{study_uid}.1").encode()),
        element(0x0020, 0x0013, "IS", b"1"),
    ]  # fmt: skip
    return b"".join([*before, harm, *after])


def as_file(data: bytes, syntax: str = EXPLICIT) -> bytes:
    """The same as a file."""
    meta = element(0x0002, 0x0010, "UI", syntax.encode())
    meta = element(0x0002, 0x0000, "UL", struct.pack("<I", len(meta))) + meta
    return b"\0" * 128 + b"DICM" + meta + data


def deflated(data: bytes, zeros_mb: int) -> bytes:
    """
    A data set of the deflated transfer syntax with so many megabytes of zeros at its end, a thousandth of it
    on the wire.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [packer.compress(data), packer.compress(blob(zeros_mb * 2**20))]
    parts += [packer.compress(bytes(2**20)) for _ in range(zeros_mb)]
    return b"".join([*parts, packer.flush()])
