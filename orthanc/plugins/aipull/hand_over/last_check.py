"""
The last check before a hand-over is published: do its files say what the message says? (K1)

Each file's own header is looked at, not what Orthanc's index has of it. As a rule the elements are found
among its first bytes, which costs some microseconds a file; only otherwise the header is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pacs_module.domain.dicom.attributes import unpadded

from ..server.stored_file import Unreadable, read_header

_HEAD_BYTES = 8 * 1024
_SOP, _PATIENT, _STUDY, _SERIES = "SOPInstanceUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID"
_ELEMENTS = {
    _SOP: (b"\x08\x00\x18\x00", b"UI"),
    _PATIENT: (b"\x10\x00\x20\x00", b"LO"),
    _STUDY: (b"\x20\x00\x0d\x00", b"UI"),
    _SERIES: (b"\x20\x00\x0e\x00", b"UI"),
}
"""Tag in little endian, and VR, of what is compared."""


@dataclass(frozen=True)
class Identity:
    """What a file has to say of itself, without padding."""

    sop_uid: str
    patient_id: str
    study_uid: str
    series_uid: str

    def values(self) -> Mapping[str, str]:
        """By keyword."""
        return {
            _SOP: self.sop_uid,
            _PATIENT: self.patient_id,
            _STUDY: self.study_uid,
            _SERIES: self.series_uid,
        }


def wrong(file: str, identity: Identity) -> str:
    """What a file says otherwise, in words; empty when it is the image that it should be."""
    head = _head_of(file)
    said = identity.values()
    if all(_value(head, *element) == said[keyword].encode("utf-8") for keyword, element in _ELEMENTS.items()):
        return ""
    with open(file, "rb") as content:
        header = read_header(content)
    if isinstance(header, Unreadable):
        return header.why
    others = (
        f"{name} {header.text(name)}" for name, value in said.items() if not _same(header.text(name), value)
    )
    return ", ".join(others)


def _head_of(file: str) -> bytes:
    opened = os.open(
        file, os.O_RDONLY | os.O_CLOEXEC
    )  # a file object for each of a thousand takes twice as long
    try:
        return os.read(opened, _HEAD_BYTES)
    finally:
        os.close(opened)


def _value(head: bytes, tag: bytes, vr: bytes) -> bytes | None:
    """
    The first value with this tag in explicit or else in implicit VR, little endian, without padding; None:
    not seen.
    """
    place = head.find(tag + vr)
    if place >= 0:
        begin = place + len(tag) + len(vr) + 2
        length = int.from_bytes(head[begin - 2 : begin], "little")
    else:
        place = head.find(tag)
        begin = place + len(tag) + 4
        length = int.from_bytes(head[begin - 4 : begin], "little")
    return head[begin : begin + length].strip(b" \0") if place >= 0 else None


def _same(found: str, expected: str) -> bool:
    # A text that is not ASCII may have been decoded in two ways; the UIDs say which image it is.
    return unpadded(found) == expected or not (found.isascii() and expected.isascii())
