"""A report of an examination, as every way brings it: JSON, FHIR, HL7 or a view of the RIS."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from ..errors import MessageError
from ..json_messages.documents import to_document, wire_names
from ..json_messages.reading import read_message
from .entry import Content, EntryKind

STATUSES = ("preliminary", "final", "corrected", "cancelled")
MAX_SERIAL = 64
MAX_VERSION = 2**31
MAX_WORDS = 200
"""Characters of a name, a code or a number."""
MAX_TEXT = 64 * 1024
"""Characters of findings and of a conclusion."""
MAX_ATTACHMENTS = 5
MAX_ATTACHMENT = 512 * 1024
"""Bytes of an attachment."""
_NUMBERS = ("patient_id", "accession_number", "study_uid")
"""By which a report is found: a character that nobody sees would make it another one's."""
CONTENT_TYPES = ("application/pdf", "text/plain", "image/png", "image/jpeg")


@dataclass(frozen=True)
class Attachment:
    """A file of a report: its content type, and its bytes in base64."""

    content_type: str
    data: str


@dataclass(frozen=True)
class Report:
    """
    One report.

    Args:
        serial: The hospital's own number of the report; with it the report is known again.
        day: YYYY-MM-DD, of the report.
        version: Counted by the sender; 0: not counted, other content is the next version.
        status: preliminary, final, corrected or cancelled.
        accession_number: Of the order.
        patient_id: Of the patient, as in the images.
        study_uid: StudyInstanceUID, where it is known.
        modality: Of the examination.
        body_part: Of the examination, in words.
        department: That asked for it.
        author: Who wrote it.
        verified_by: Who signed it.
        reported_at: ISO 8601, as the sender's clock has it.
        findings: What was seen.
        conclusion: What it means.
        attachments: Files, such as the printed form.
    """

    serial: str
    day: str
    version: int = 0
    status: str = "final"
    accession_number: str = ""
    patient_id: str = ""
    study_uid: str = ""
    modality: str = ""
    body_part: str = ""
    department: str = ""
    author: str = ""
    verified_by: str = ""
    reported_at: str = ""
    findings: str = ""
    conclusion: str = ""
    attachments: tuple[Attachment, ...] = field(default=())

    def content(self, source: str, kind: EntryKind = EntryKind.REPORT) -> Content:
        """What the ledger keeps of it; the version is the entry's."""
        body = to_document(self)
        del body["version"]
        return Content(kind, self.serial, self.day, body, self.version, source)


def read_report(message: Any) -> Report:
    """
    Read a report from JSON.

    Raises:
        MessageError: A value is missing, of another kind, or too long.
    """
    report = read_message(Report, message)
    unknown = sorted(set(message) - set(wire_names(Report).values()))
    if unknown:
        raise MessageError(unknown[0], message[unknown[0]], ", ".join(wire_names(Report).values()))
    return check_report(report)


def check_report(report: Report) -> Report:
    """
    Give the report back if every value of it can be used.

    Raises:
        MessageError: Names the first one that cannot.
    """
    checked_key("serial", report.serial)
    checked_day("day", report.day)
    if not 0 <= report.version <= MAX_VERSION:
        raise MessageError("version", report.version, f"0 to {MAX_VERSION}")
    if report.status not in STATUSES:
        raise MessageError("status", report.status, ", ".join(STATUSES))
    if report.reported_at:
        _checked_instant("reportedAt", report.reported_at)
    _check_lengths(report)
    _check_attachments(report.attachments)
    return report


def checked_key(name: str, value: str) -> str:
    """
    A number or name that something is known again by.

    Raises:
        MessageError: It is empty, too long, or has blanks around it or control characters in it.
    """
    if not 0 < len(value) <= MAX_SERIAL or value != value.strip() or not value.isprintable():
        raise MessageError(name, value, f"1 to {MAX_SERIAL} printable characters, no blanks around them")
    return value


def checked_day(name: str, value: str) -> str:
    """
    A day as YYYY-MM-DD.

    Raises:
        MessageError: It is another text, or no day.
    """
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise MessageError(name, value, "a day as YYYY-MM-DD")
    return value


def _checked_instant(name: str, value: str) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise MessageError(name, value, "ISO 8601, such as 2026-11-30T14:05:00") from None


def _check_lengths(report: Report) -> None:
    names = wire_names(Report)
    for one in fields(Report):
        value = getattr(report, one.name)
        longest = MAX_TEXT if one.name in ("findings", "conclusion") else MAX_WORDS
        if isinstance(value, str) and len(value) > longest:
            raise MessageError(names[one.name], value, f"at most {longest} characters")
        if one.name in _NUMBERS and not value.isprintable():
            raise MessageError(names[one.name], value, "printable characters")


def _check_attachments(attachments: tuple[Attachment, ...]) -> None:
    if len(attachments) > MAX_ATTACHMENTS:
        raise MessageError("attachments", len(attachments), f"at most {MAX_ATTACHMENTS}")
    for one in attachments:
        if one.content_type not in CONTENT_TYPES:
            raise MessageError("contentType", one.content_type, ", ".join(CONTENT_TYPES))
        size = _size_of(one.data)
        if size > MAX_ATTACHMENT:
            raise MessageError("data", f"{size} bytes", f"at most {MAX_ATTACHMENT} bytes")


def _size_of(data: str) -> int:
    try:
        return len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise MessageError("data", data, "base64 (RFC 4648)") from None
