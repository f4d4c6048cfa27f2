"""
The last check before a hand-over is published: do its files say what the message says? (K1)

Each file's own header is looked at, not what Orthanc's index has of it. As a rule the elements are found
among its first bytes, and a file that was looked at when it came, and is still the same, is not read again;
only where they say something else the header is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pacs_module.domain.dicom.attributes import unpadded

from ..server.first_bytes import HEAD_BYTES, Said, said_by
from ..server.stored_file import Unreadable, read_header

_SOP, _PATIENT, _STUDY, _SERIES = "SOPInstanceUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID"


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

    def said(self) -> Said:
        """The same as bytes of a file."""
        return Said(
            self.sop_uid.encode(), self.patient_id.encode(), self.study_uid.encode(), self.series_uid.encode()
        )


def wrong(file: str, identity: Identity) -> str:
    """What a file says otherwise, in words; empty when it is the image that it should be."""
    if said_by(_head_of(file)) == identity.said():
        return ""
    with open(file, "rb") as content:
        header = read_header(content)
    if isinstance(header, Unreadable):
        return header.why
    others = (
        f"{name} {header.text(name)}"
        for name, value in identity.values().items()
        if not _same(header.text(name), value)
    )
    return ", ".join(others)


def _head_of(file: str) -> bytes:
    # A file object for each of a thousand files takes twice as long.
    opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(opened, HEAD_BYTES)
    finally:
        os.close(opened)


def _same(found: str, expected: str) -> bool:
    # A text that is not ASCII may have been decoded in two ways; the UIDs say which image it is.
    return unpadded(found) == expected or not (found.isascii() and expected.isascii())
