"""
Entries of the audit trail as DICOM audit messages (PS3.15 A.5, from RFC 3881), in a syslog message (RFC
5424).

Identifiers that were taken away are named by their pseudonyms.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as Xml

from .entry import Deed

_DCM = "DCM"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PRIORITY = 10 * 8 + 5
"""Facility authpriv, severity notice (RFC 5424 6.2.1)."""
_MESSAGE_ID = "DICOM+RFC3881"
_BOM = "\ufeff"
_SUCCESS, _MINOR, _SERIOUS = "0", "4", "8"
_SERVER_FAULT = 500


@dataclass(frozen=True)
class _Event:
    """EventID, EventActionCode and EventTypeCode (PS3.16 CID 400 and 401); codes with their meaning."""

    code: str
    meaning: str
    action: str
    type_code: str = ""
    type_meaning: str = ""


_ALERT = ("110113", "Security Alert")
_USER = ("110114", "User Authentication")
_APPLICATION = ("110100", "Application Activity")
EVENTS: Mapping[Deed, _Event] = {
    Deed.SAW: _Event("110110", "Patient Record", "R"),
    Deed.LOOKED_FOR: _Event("110112", "Query", "E"),
    Deed.DID: _Event("110110", "Patient Record", "U"),
    Deed.ADMINISTERED: _Event(*_ALERT, "U", "110129", "Security Configuration"),
    Deed.FORGOT: _Event("110105", "DICOM Study Deleted", "D"),
    Deed.SIGNED_IN: _Event(*_USER, "E", "110122", "Login"),
    Deed.SIGNED_OUT: _Event(*_USER, "E", "110123", "Logout"),
    Deed.REFUSED: _Event(*_USER, "E", "110122", "Login"),
    Deed.ROLE_TOO_LOW: _Event(*_ALERT, "E", "110132", "Use of Restricted Function"),
    Deed.SENDER_REFUSED: _Event(*_ALERT, "E", "110126", "Node Authentication"),
    Deed.STARTED: _Event(*_APPLICATION, "E", "110120", "Application Start"),
    Deed.STOPPED: _Event(*_APPLICATION, "E", "110121", "Application Stop"),
    Deed.REMOVED: _Event("110105", "DICOM Study Deleted", "D"),
    Deed.LOST: _Event(*_ALERT, "E", "110133", "Audit Recording Stopped"),
}
_OBJECTS = {
    "patient": ("1", "1", ("2", "RFC-3881", "Patient Number")),
    "study": ("2", "3", ("110180", _DCM, "Study Instance UID")),
    "series": ("2", "3", ("12", "RFC-3881", "URI")),
    "order": ("2", "3", ("10", "RFC-3881", "Search Criteria")),
    "text": ("2", "24", ("10", "RFC-3881", "Search Criteria")),
}
"""ParticipantObjectTypeCode, its role (1 patient, 3 report, 24 query), and ParticipantObjectIDTypeCode."""


@dataclass(frozen=True)
class Source:
    """Who reports: AuditSourceID, AuditEnterpriseSiteID (empty: not told), host name and process id."""

    name: str
    site: str
    host: str
    process: str


def audit_message(entry: Mapping[str, Any], source: Source) -> str:
    """The message as XML."""
    message = Xml.Element("AuditMessage")
    _event(message, entry)
    _participants(message, entry, source)
    _source(message, source)
    for kind, text in _objects(entry):
        _object(message, kind, text, entry)
    return '<?xml version="1.0" encoding="UTF-8"?>' + Xml.tostring(message, encoding="unicode")


def _source(message: Xml.Element, source: Source) -> None:
    told = Xml.SubElement(message, "AuditSourceIdentification")
    if source.site:
        told.set("AuditEnterpriseSiteID", source.site)
    told.set("AuditSourceID", source.name)
    Xml.SubElement(told, "AuditSourceTypeCode", {"csd-code": "4"})


def syslog_message(entry: Mapping[str, Any], source: Source) -> bytes:
    """The message for syslog, without the frame of the transport (RFC 5424)."""
    who = f"{_word(source.host)} {_word(source.name)} {_word(source.process)}"
    head = f"<{_PRIORITY}>1 {entry['at']} {who} {_MESSAGE_ID} -"
    return f"{head} {_BOM}{audit_message(entry, source)}".encode("utf-8", "replace")


def framed(message: bytes) -> bytes:
    """With its length in octets in front (RFC 5425 4.3)."""
    return str(len(message)).encode() + b" " + message


def _word(text: str) -> str:
    """Printable US-ASCII without blanks, or the nil value."""
    return "".join(one for one in text if "!" <= one <= "~")[:48] or "-"


def _event(message: Xml.Element, entry: Mapping[str, Any]) -> None:
    event = EVENTS[Deed(entry["deed"])]
    status = int(entry.get("status") or 0)
    outcome = _SERIOUS if status >= _SERVER_FAULT else _MINOR if status >= 400 else _SUCCESS
    told = Xml.SubElement(
        message, "EventIdentification",
        {"EventActionCode": event.action, "EventDateTime": entry["at"], "EventOutcomeIndicator": outcome},
    )  # fmt: skip
    _code(told, "EventID", (event.code, _DCM, event.meaning))
    if event.type_code:
        _code(told, "EventTypeCode", (event.type_code, _DCM, event.type_meaning))
    words = " ".join(part for part in (str(entry.get("action", "")), str(entry.get("note", ""))) if part)
    if words:
        Xml.SubElement(told, "EventOutcomeDescription").text = _xml(words)


def _participants(message: Xml.Element, entry: Mapping[str, Any], source: Source) -> None:
    who = str(entry.get("by") or entry.get("way") or source.name)
    person = Xml.SubElement(message, "ActiveParticipant", {"UserID": _xml(who), "UserIsRequestor": "true"})
    if entry.get("address"):
        person.set("NetworkAccessPointID", _xml(str(entry["address"])))
        person.set("NetworkAccessPointTypeCode", "2")
    for role in entry.get("roles", ()):
        _code(person, "RoleIDCode", (_xml(str(role)), "aipull", _xml(str(role))))
    ours = Xml.SubElement(message, "ActiveParticipant", {"UserID": source.name, "UserIsRequestor": "false"})
    ours.set("AlternativeUserID", source.process)
    ours.set("NetworkAccessPointID", source.host)
    ours.set("NetworkAccessPointTypeCode", "1")
    _code(ours, "RoleIDCode", ("110150", _DCM, "Application"))


def _objects(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    clear = entry.get("clear", {})
    for kind, hidden in entry.get("objects", {}).items():
        yield kind, str(clear.get(kind) or hidden)


def _object(message: Xml.Element, kind: str, text: str, entry: Mapping[str, Any]) -> None:
    type_code, role, id_type = _OBJECTS.get(kind, _OBJECTS["text"])
    told = Xml.SubElement(message, "ParticipantObjectIdentification")
    told.set("ParticipantObjectID", _xml(text))
    told.set("ParticipantObjectTypeCode", type_code)
    told.set("ParticipantObjectTypeCodeRole", role)
    if Deed(entry["deed"]) is Deed.FORGOT:
        told.set("ParticipantObjectDataLifeCycle", "15")
    _code(told, "ParticipantObjectIDTypeCode", id_type)
    if kind == "text":
        Xml.SubElement(told, "ParticipantObjectQuery").text = _base64(text)
    else:
        Xml.SubElement(told, "ParticipantObjectName").text = _xml(text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _code(parent: Xml.Element, name: str, code: tuple[str, str, str]) -> None:
    value, system, meaning = code
    Xml.SubElement(parent, name, {"csd-code": value, "codeSystemName": system, "originalText": meaning})


def _xml(text: str) -> str:
    """With a question mark for each character that XML 1.0 cannot hold (2.2, Char)."""
    return _NOT_XML.sub("?", text)
