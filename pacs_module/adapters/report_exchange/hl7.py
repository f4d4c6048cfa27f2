"""
Reports as HL7 version 2 messages: ORU^R01 read and written, over MLLP.

=========  ========================================================================================
MSH-18     character set (table 0211); without one UTF-8, else GB18030, else Latin-1
PID-3      patient ID (of several the one of type MR or PI); of the PID that the OBR stands under
OBR-2      placer order number: the accession number, where OBR-18 has none; else ORC-2
OBR-3      filler order number: the serial number of the report
OBR-4      examination
OBR-22     time of the report; OBR-7 where there is none
OBR-24     diagnostic service section: the modality
OBR-25     status: P, F, C, X (table 0123)
OBR-32     who wrote it
OBX-3      ``19005-8``, ``IMP``, ``IMPRESSION`` or ``CONCLUSION``: the conclusion; another one: findings
OBX-5      text (TX, FT, ST), a code's words (CE, CWE), an attachment (ED: ``^type^subtype^Base64^data``);
           any other value with its name and unit
NTE-3      text that goes on with the OBX before it
=========  ========================================================================================

A message may have several patients, each PID with its OBR, and a block several messages (a batch: FHS, BHS,
MSH ...): no report gets the patient of another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import hl7

from ...domain.errors import MessageError
from ...domain.report_exchange.report import Attachment, Report, check_report

CODECS = {
    "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UNICODE": "utf-8", "ASCII": "", "8859/1": "iso-8859-1",
    "8859/2": "iso-8859-2", "8859/5": "iso-8859-5", "8859/15": "iso-8859-15", "GB 18030-2000": "gb18030",
    "BIG-5": "big5", "KS X 1001": "euc_kr", "ISO IR87": "iso2022_jp",
}  # fmt: skip
"""Table 0211. One that calls itself ASCII and is not is guessed, as one that names nothing."""
_ALIASES = {
    "UTF8": "utf-8", "ISOIR192": "utf-8", "ISO88591": "iso-8859-1", "ISOIR100": "iso-8859-1",
    "ISO88592": "iso-8859-2",
    "ISO88595": "iso-8859-5", "ISO885915": "iso-8859-15", "GB18030": "gb18030", "GBK": "gb18030",
    "GB2312": "gb18030",
    "EUCKR": "euc_kr", "CP1252": "cp1252", "WINDOWS1252": "cp1252", "SHIFTJIS": "shift_jis",
}  # fmt: skip
"""What senders write instead, letters and digits alone."""
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
_ENCODED = re.compile(rb"(?:(?:FHS|BHS)\|[^\r\n]{0,500}[\r\n]+){0,4}(MSH\|[^\r\n]{0,500})")
_HEADS = re.compile(rb"(?:^|[\r\n])(MSH\|[^\r\n]{0,500})")
_ENVELOPE = ("FHS", "BHS", "BTS", "FTS")
"""Of files and batches around messages (2.5.1, 2.10.3)."""
_HOSPITALS_OWN = ("MR", "PI")
"""PID-3.5: the types of identifier (table 0203) that stand in images."""
_FIELDS = 18
_TIMES = (("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12), ("%Y%m%d", 8))
_TEXTS = ("TX", "FT", "ST", "")
_CODED = ("CE", "CWE", "CNE")
_NULL = '""'
"""A value that is said to be none (2.5.1, 2.5.3)."""
_GONE = ("D", "W")
"""OBX-11: the observation is deleted, or was posted wrongly."""
_SEPARATORS = "^~\\&"
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}\|")
_BREAK = "\\.br\\"
_ESCAPED = re.compile(r"\\([^\\\r\n]{1,200})\\")
_CHARACTERS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "H": "", "N": ""}
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f]")


def decode(raw: bytes) -> str:
    """
    The text of a message in the character set that it names.

    Raises:
        MessageError: It names one that we do not know, or is not written in it.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n \t")
    head = _ENCODED.match(raw)
    if head is None:
        raise MessageError("message", raw[:40].decode("latin-1"), "HL7 version 2: MSH|^~\\&|...")
    named = _named_codec(head.group(1))
    _check_one_codec(raw, named)
    told = _codec(named)
    for codec in (told,) if told else _GUESSES:
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    raise MessageError("MSH-18", named, "the character set that the message is written in")


def _check_one_codec(raw: bytes, named: str) -> None:
    """A batch is one text."""
    others = [_named_codec(head) for head in _HEADS.findall(raw)]
    other = next((one for one in others if one.upper() != named.upper()), named)
    if other != named:
        raise MessageError("MSH-18", other, f"{named}, as the first message of the batch has it")


def _named_codec(head: bytes) -> str:
    """
    The first character set of MSH-18 (an empty one before others is ASCII, which all of these contain), empty
    where none is named.
    """
    fields = head.split(b"|")
    if len(fields) < _FIELDS:
        return ""
    named = (one.strip() for one in fields[_FIELDS - 1].decode("ascii", "replace").split("~"))
    return next((one for one in named if one), "")


def _codec(named: str) -> str:
    """
    What decodes it; empty: to be guessed.

    Raises:
        MessageError: Nobody knows it.
    """
    if not named:
        return ""
    plain = re.sub("[^A-Z0-9]", "", named.upper())
    codec = CODECS.get(named.upper(), _ALIASES.get(plain))
    if codec is None:
        raise MessageError("MSH-18", named, ", ".join(CODECS))
    return codec


def read_oru(raw: bytes) -> tuple[list[Report], hl7.Message]:
    """
    Read the reports of an ORU^R01, or of a batch of them: one an OBR, with the OBX that follow it.

    Returns:
        The reports, and the first message, for its acknowledgement.

    Raises:
        MessageError: It is another message, or a value that is needed is missing or cannot be used.
    """
    messages = [_parsed(segments) for segments in _messages(_segments(decode(raw)))]
    reports = [report for message in messages for report in _reports(message)]
    _check_serials([report.serial for report in reports])
    return reports, messages[0]


def _reports(message: hl7.Message) -> list[Report]:
    kind = _field(message, "MSH", 9)
    if not kind.startswith("ORU^R01"):
        raise MessageError("MSH-9", kind, "ORU^R01")
    return [_report(message, request) for request in _requests(message)]


def _check_serials(serials: list[str]) -> None:
    if not serials or len(set(serials)) != len(serials):
        allowed = "one OBR or more, each with a serial number of its own"
        raise MessageError("OBR-3", ", ".join(serials), allowed)


@dataclass
class _Request:
    """An OBR, the PID that it stands under, and its OBX."""

    segment: Any
    patient: Any
    placer: str = ""
    observations: list[Any] = field(default_factory=list)


def _report(message: hl7.Message, asked: _Request) -> Report:
    request = asked.segment
    status = _of(request, 25).upper() or "F"
    if status not in _STATUSES:
        raise MessageError("OBR-25", status, ", ".join(_STATUSES))
    told = _instant(_of(request, 22) or _of(request, 7) or _field(message, "MSH", 7))
    findings, conclusion, attachments = _observed(asked.observations)
    report = Report(
        serial=_part(_of(request, 3)),
        day=told[:10],
        status=_STATUSES[status],
        accession_number=_part(_of(request, 18)) or _part(_of(request, 2) or asked.placer),
        patient_id=_patient_id(asked.patient),
        modality=_part(_of(request, 24)),
        body_part=_named(_of(request, 4)),
        author=_person(_of(request, 32)),
        reported_at=told if "T" in told else "",
        findings=findings,
        conclusion=conclusion,
        attachments=attachments,
    )
    return check_report(report)


def _requests(message: hl7.Message) -> list[_Request]:
    """Each OBR of a message."""
    patients = [segment for segment in message if str(segment[0]) == "PID"]
    patient = patients[0] if len(patients) == 1 else None
    found: list[_Request] = []
    placer = ""
    for segment in message:
        name = str(segment[0])
        if name == "PID":
            patient = segment
        elif name == "ORC":
            placer = _of(segment, 2)
        elif name == "OBR":
            _check_has_patient(patient, patients)
            found.append(_Request(segment, patient, placer))
            placer = ""
        elif name in ("OBX", "NTE") and found:
            found[-1].observations.append(segment)
    return found


def _check_has_patient(patient: Any, patients: list[Any]) -> None:
    if patient is None and patients:  # of several nobody can say which one is meant
        raise MessageError("PID", len(patients), "a PID before each OBR")


def _patient_id(segment: Any) -> str:
    if segment is None:
        return ""
    told = [one for one in _of(segment, 3).split("~") if _part(one)]
    own = [one for one in told if one.split("^")[4:5] and one.split("^")[4] in _HOSPITALS_OWN]
    return _part((own or told or [_of(segment, 2)])[0])


def write_oru(body: Mapping[str, Any], version: int, control_id: str, at: datetime) -> str:
    """Write a report's document as an ORU^R01 in UTF-8; segments end with CR."""
    told = {key: _escaped(value) for key, value in body.items() if isinstance(value, str)}
    letter = _LETTERS[body["status"]]
    segments = [
        f"MSH|^~\\&|AIPULL||RIS||{at:%Y%m%d%H%M%S}||ORU^R01|{control_id}|P|2.5.1|{version}|||||UNICODE UTF-8",
        f"PID|1||{told.get('patientID', '')}",
        _request(told, _stamp(body.get("reportedAt") or body["day"]), letter),
    ]
    texts = [f"TX|{code}||{text}||||||{letter}" for code, text in _observations(told)]
    files = [f"ED|PDF||{_encapsulated(one)}||||||F" for one in body.get("attachments", ())]
    segments += [f"OBX|{place}|{rest}" for place, rest in enumerate([*texts, *files], 1)]
    return "\r".join(segments) + "\r"


def _request(told: Mapping[str, str], stamp: str, letter: str) -> str:
    """The OBR: what was ordered, by whom it was reported, and its state."""
    return "|".join([
        "OBR", "1", told.get("accessionNumber", ""), told["serial"], told.get("bodyPart", ""), "", "", stamp,
        *[""] * 14, stamp, "", told.get("modality", ""), letter, *[""] * 6, told.get("author", ""),
    ])  # fmt: skip


def _encapsulated(attachment: Mapping[str, str]) -> str:
    """A file as a value of type ED."""
    kind, _, subtype = attachment["contentType"].partition("/")
    return f"^{kind}^{subtype}^Base64^{attachment['data']}"


def _observations(told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if told.get("findings"):
        yield "59776-5^Findings^LN", told["findings"]
    if told.get("conclusion"):
        yield "19005-8^Impression^LN", told["conclusion"]


def _messages(segments: list[str]) -> list[list[str]]:
    """Those of a block, each from its MSH on, without what is around a batch."""
    found: list[list[str]] = []
    for segment in segments:
        name = segment[:3]
        if name == "MSH":
            found.append([segment])
        elif found and name not in _ENVELOPE:
            found[-1].append(segment)
    return found


def _parsed(segments: list[str]) -> hl7.Message:
    told = segments[0][4:8]
    if told != _SEPARATORS:
        raise MessageError("MSH-2", told, _SEPARATORS)
    try:
        return hl7.parse("\r".join(segments))
    except Exception as error:  # what the library raises depends on where the text is damaged
        raise MessageError("message", segments[0][:40], f"HL7 version 2 ({type(error).__name__})") from error


def _segments(text: str) -> list[str]:
    """
    Its segments. A line that begins none goes on with the text before it: some senders write an OBX-5 with
    bare line feeds.
    """
    found: list[str] = []
    breaks = ""
    for line in re.split("\r\n|\r|\n", text):
        if _SEGMENT.match(line) or not found:
            found.append(line)
            breaks = ""
        elif line.strip():
            _check_goes_on(found[-1], line)
            found[-1] += f"{breaks}{_BREAK}{line}"
            breaks = ""
        else:
            breaks += _BREAK
    return found


def _check_goes_on(segment: str, line: str) -> None:
    """The head of a message has no text that could go on: what follows is a segment that is misspelt."""
    if segment.startswith("MSH"):
        raise MessageError("segment", line[:40], "a name of three capital letters or digits before the first |")


def _observed(observations: list[Any]) -> tuple[str, str, tuple[Attachment, ...]]:
    findings: list[str] = []
    conclusion: list[str] = []
    attachments: list[Attachment] = []
    text = findings
    for segment in observations:
        if _of(segment, 11).upper() in _GONE:
            continue
        if str(segment[0]) == "NTE":
            text.append(_plain(_of(segment, 3)))
        elif _of(segment, 2) == "ED":
            attachments.append(_attachment(_of(segment, 5)))
        else:
            text = conclusion if _is_conclusion(_of(segment, 3)) else findings
            text.append(_words(segment))
    return "\n".join(findings), "\n".join(conclusion), tuple(attachments)


def _words(segment: Any) -> str:
    """What an OBX says, as text."""
    kind, value = _of(segment, 2), _of(segment, 5)
    if kind in _TEXTS:
        return _plain(value)
    if kind in _CODED:
        return _named(value)
    unit = _part(_of(segment, 6))
    return f"{_named(_of(segment, 3))}: {_plain(value.replace('^', ' '))} {unit}".strip() if value else ""


def _is_conclusion(code: str) -> bool:
    return any(part.upper() in CONCLUSION for part in code.split("^"))


def _attachment(value: str) -> Attachment:
    parts = value.split("^")
    if len(parts) < 5 or parts[3].lower() != "base64":
        raise MessageError("OBX-5", value[:40], "^type^subtype^Base64^data")
    return Attachment(f"{parts[1]}/{parts[2]}".lower(), parts[4].replace(_BREAK, ""))


def _field(message: hl7.Message, name: str, number: int) -> str:
    """A field of the first segment with that name; empty: there is none."""
    return next((_of(segment, number) for segment in message if str(segment[0]) == name), "")


def _of(segment: Any, number: int) -> str:
    value = str(segment[number]).strip() if len(segment) > number else ""
    return "" if value == _NULL else value


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
    """With the escape sequences of HL7 undone, each once (2.5.1, 2.7); an unknown one stays as it is."""
    return _ESCAPED.sub(_meant, value).strip()


def _meant(found: re.Match[str]) -> str:
    name = found.group(1)
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    if name[:3] in (".br", ".sp", ".ce"):
        lines = int(name[3:]) if name[3:].isdigit() and len(name) < len(".sp000") else 1
        return "\n" * lines
    if name[:3] in (".in", ".ti", ".sk", ".fi", ".nf"):
        return " " if name.startswith(".sk") else ""
    if name[:1] == "X" and re.fullmatch("(?:[0-9A-Fa-f]{2})+", name[1:]):
        return bytes.fromhex(name[1:]).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return found.group()


def _escaped(value: str) -> str:
    value = value.replace("\\", "\\E\\")
    for character, sequence in {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}.items():
        value = value.replace(character, sequence)
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _BREAK.join(
        _NO_TEXT.sub(" ", line) for line in lines
    )  # a byte of MLLP's frame would end the message


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
