"""
Reports as HL7 version 2 messages: ORU^R01 read and written, over MLLP.

=========  ========================================================================================
MSH-18     character set (table 0211); without one UTF-8, else GB18030, else Latin-1
PID-3      patient ID
OBR-2      placer order number: the accession number, where OBR-18 has none
OBR-3      filler order number: the serial number of the report
OBR-4      examination
OBR-22     time of the report; OBR-7 where there is none
OBR-24     diagnostic service section: the modality
OBR-25     status: P, F, C, X (table 0123)
OBR-32     who wrote it
OBX-3      ``19005-8``, ``IMP``, ``IMPRESSION`` or ``CONCLUSION``: the conclusion; another one: findings
OBX-5      text (TX, FT, ST), or an attachment (ED: ``^type^subtype^Base64^data``)
=========  ========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import hl7

from ...domain.errors import MessageError
from ...domain.exchange.report import Attachment, Report, check_report

CODECS = {
    "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UNICODE": "utf-8", "ASCII": "latin-1", "8859/1": "iso-8859-1",
    "8859/2": "iso-8859-2", "8859/5": "iso-8859-5", "8859/15": "iso-8859-15", "GB 18030-2000": "gb18030",
    "BIG-5": "big5", "KS X 1001": "euc_kr", "ISO IR87": "iso2022_jp",
}  # fmt: skip
_GUESSES = ("utf-8", "gb18030", "latin-1")
CONCLUSION = ("19005-8", "IMP", "IMPRESSION", "CONCLUSION")
_STATUSES = {
    "P": "preliminary",
    "R": "preliminary",
    "A": "preliminary",
    "F": "final",
    "C": "corrected",
    "X": "cancelled",
}
_LETTERS = {"preliminary": "P", "final": "F", "corrected": "C", "cancelled": "X"}
_ENCODED = re.compile(rb"^MSH\|[^\r\n]{0,500}")
_FIELDS = 18
_TIMES = (("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12), ("%Y%m%d", 8))
_TEXTS = ("TX", "FT", "ST", "")
_LINES = {"\\.br\\": "\n"}


def decode(raw: bytes) -> str:
    """
    The text of a message in the character set that it names.

    Raises:
        MessageError: It names one that we do not know, or is not written in it.
    """
    head = _ENCODED.match(raw)
    if head is None:
        raise MessageError("message", raw[:40].decode("latin-1"), "HL7 version 2: MSH|^~\\&|...")
    fields = head.group().split(b"|")
    named = (
        fields[_FIELDS - 1].decode("ascii", "replace").split("~")[0].strip() if len(fields) >= _FIELDS else ""
    )
    if named and named.upper() not in CODECS:
        raise MessageError("MSH-18", named, ", ".join(CODECS))
    for codec in (CODECS[named.upper()],) if named else _GUESSES:
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    raise MessageError("MSH-18", named, "the character set that the message is written in")


def read_oru(raw: bytes) -> tuple[list[Report], hl7.Message]:
    """
    Read the reports of an ORU^R01: one an OBR, with the OBX that follow it.

    Returns:
        The reports, and the message, for its acknowledgement.

    Raises:
        MessageError: It is another message, or a value that is needed is missing or cannot be used.
    """
    message = _parsed(decode(raw))
    kind = _field(message, "MSH", 9)
    if not kind.startswith("ORU^R01"):
        raise MessageError("MSH-9", kind, "ORU^R01")
    reports = [_report(message, request, observations) for request, observations in _requests(message)]
    serials = [report.serial for report in reports]
    if not serials or len(set(serials)) != len(serials):
        raise MessageError(
            "OBR-3", ", ".join(serials), "one OBR or more, each with a serial number of its own"
        )
    return reports, message


def _report(message: hl7.Message, request: Any, observations: list[Any]) -> Report:
    status = _of(request, 25) or "F"
    if status not in _STATUSES:
        raise MessageError("OBR-25", status, ", ".join(_STATUSES))
    told = _instant(_of(request, 22) or _of(request, 7) or _field(message, "MSH", 7))
    findings, conclusion, attachments = _observed(observations)
    return check_report(
        Report(
            serial=_part(_of(request, 3)),
            day=told[:10],
            status=_STATUSES[status],
            accession_number=_part(_of(request, 18)) or _part(_of(request, 2)),
            patient_id=_part(_field(message, "PID", 3)),
            modality=_part(_of(request, 24)),
            body_part=_named(_of(request, 4)),
            author=_person(_of(request, 32)),
            reported_at=told if "T" in told else "",
            findings=findings,
            conclusion=conclusion,
            attachments=attachments,
        )
    )


def _requests(message: hl7.Message) -> list[tuple[Any, list[Any]]]:
    """Each OBR with its OBX."""
    found: list[tuple[Any, list[Any]]] = []
    for segment in message:
        name = str(segment[0])
        if name == "OBR":
            found.append((segment, []))
        elif name == "OBX" and found:
            found[-1][1].append(segment)
    return found


def write_oru(body: Mapping[str, Any], version: int, control_id: str, at: datetime) -> str:
    """Write a report's document as an ORU^R01 in UTF-8; segments end with CR."""
    told = {key: _escaped(value) for key, value in body.items() if isinstance(value, str)}
    time = body.get("reportedAt") or body["day"]
    number = _stamp(time)
    request = [
        "OBR", "1", told.get("accessionNumber", ""), told["serial"], told.get("bodyPart", ""), "", "", number,
        *[""] * 14, number, "", told.get("modality", ""), _LETTERS[body["status"]], *[""] * 6, told.get("author", ""),
    ]  # fmt: skip
    segments = [
        f"MSH|^~\\&|AIPULL||RIS||{at:%Y%m%d%H%M%S}||ORU^R01|{control_id}|P|2.5.1|{version}|||||UNICODE UTF-8",
        f"PID|1||{told.get('patientID', '')}",
        "|".join(request),
    ]
    for place, (code, text) in enumerate(_observations(told), 1):
        segments.append(f"OBX|{place}|TX|{code}||{text}||||||{_LETTERS[body['status']]}")
    for place, one in enumerate(body.get("attachments", ()), len(segments) - 2):
        kind, _, subtype = one["contentType"].partition("/")
        segments.append(f"OBX|{place}|ED|PDF||^{kind}^{subtype}^Base64^{one['data']}||||||F")
    return "\r".join(segments) + "\r"


def _observations(told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if told.get("findings"):
        yield "59776-5^Findings^LN", told["findings"]
    if told.get("conclusion"):
        yield "19005-8^Impression^LN", told["conclusion"]


def _parsed(text: str) -> hl7.Message:
    try:
        return hl7.parse(text.replace("\r\n", "\r").replace("\n", "\r"))
    except Exception as error:  # what the library raises depends on where the text is damaged
        raise MessageError("message", text[:40], f"HL7 version 2 ({type(error).__name__})") from error


def _observed(observations: list[Any]) -> tuple[str, str, tuple[Attachment, ...]]:
    findings: list[str] = []
    conclusion: list[str] = []
    attachments: list[Attachment] = []
    for segment in observations:
        kind, code, value = (_of(segment, number) for number in (2, 3, 5))
        if kind == "ED":
            attachments.append(_attachment(value))
        elif kind in _TEXTS:
            of_it = conclusion if any(part.upper() in CONCLUSION for part in code.split("^")) else findings
            of_it.append(_plain(value))
    return "\n".join(findings), "\n".join(conclusion), tuple(attachments)


def _attachment(value: str) -> Attachment:
    parts = value.split("^")
    if len(parts) < 5 or parts[3].lower() != "base64":
        raise MessageError("OBX-5", value[:40], "^type^subtype^Base64^data")
    return Attachment(f"{parts[1]}/{parts[2]}".lower(), parts[4])


def _field(message: hl7.Message, name: str, number: int) -> str:
    """A field of the first segment with that name; empty: there is none."""
    return next((_of(segment, number) for segment in message if str(segment[0]) == name), "")


def _of(segment: Any, number: int) -> str:
    return str(segment[number]).strip() if len(segment) > number else ""


def _part(value: str) -> str:
    return _plain(value.split("~")[0].split("^")[0].split("&")[0])


def _named(value: str) -> str:
    """Of a coded element the text, else the code."""
    parts = value.split("^")
    return _plain(parts[1] if len(parts) > 1 and parts[1] else parts[0])


def _person(value: str) -> str:
    """Of an XCN or NDL: family and given name, else the identifier."""
    parts = value.replace("&", "^").split("^")
    names = " ".join(part for part in parts[1:3] if part)
    return _plain(names or parts[0])


def _plain(value: str) -> str:
    """With the escape sequences of HL7 undone (2.5.1, 2.7)."""
    for sequence, character in {"\\F\\": "|", "\\S\\": "^", "\\T\\": "&", "\\R\\": "~", **_LINES}.items():
        value = value.replace(sequence, character)
    return value.replace("\\E\\", "\\").strip()


def _escaped(value: str) -> str:
    value = value.replace("\\", "\\E\\")
    for character, sequence in {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}.items():
        value = value.replace(character, sequence)
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\.br\\")


def _instant(value: str) -> str:
    """A time of HL7 as ISO 8601, a day alone as YYYY-MM-DD; what is none stays as it is and is refused."""
    digits = value.partition("^")[0][:14]
    for shape, length in _TIMES:
        if len(digits) >= length and digits[:length].isdigit():
            try:
                at = datetime.strptime(digits[:length], shape)  # noqa: DTZ007 - the sender's own clock
            except ValueError:
                break
            return at.isoformat() if length > len("20261130") else at.date().isoformat()
    return value


def _stamp(iso: str) -> str:
    return re.sub(r"\D", "", iso.partition("+")[0])[:14]
