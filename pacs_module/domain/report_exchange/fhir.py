"""
A report as a FHIR R4 DiagnosticReport (https://hl7.org/fhir/R4/diagnosticreport.html), read and written.

Read: ``identifier`` (the serial number; one of type ``ACSN`` is the accession number), ``meta.versionId``,
``status``, ``subject.identifier`` (or that of a contained Patient), ``basedOn.identifier``,
``imagingStudy.identifier``, ``category``, ``code``, ``performer``, ``resultsInterpreter``, ``issued`` or
``effectiveDateTime``, ``text``, ``conclusion``, ``presentedForm``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import MessageError
from .report import Attachment, Report, check_report

_OID = "urn:oid:"
_LINE_END = re.compile(r"<br ?/?>|</(?:p|div|li|tr|h[1-6])>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,1000}>")
_STATUSES = {
    "registered": "preliminary",
    "partial": "preliminary",
    "preliminary": "preliminary",
    "final": "final",
    "amended": "corrected",
    "corrected": "corrected",
    "appended": "corrected",
    "cancelled": "cancelled",
    "entered-in-error": "cancelled",
}


def read_diagnostic_report(resource: Any) -> Report:
    """
    Read a DiagnosticReport.

    Raises:
        MessageError: It is another resource, or a value that is needed is missing or cannot be used.
    """
    if not isinstance(resource, Mapping) or resource.get("resourceType") != "DiagnosticReport":
        kind = resource.get("resourceType") if isinstance(resource, Mapping) else resource
        raise MessageError("resourceType", kind, "DiagnosticReport")
    status = _STATUSES.get(_text(resource.get("status")))
    if status is None:
        raise MessageError("status", resource.get("status"), ", ".join(_STATUSES))
    serial, accession = _numbers(resource)
    issued = _instant(resource)
    version = _text(_mapping(resource.get("meta")).get("versionId"))
    return check_report(
        Report(
            serial=serial,
            day=issued[:10],
            version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0,
            status=status,
            accession_number=accession,
            patient_id=_patient_id(resource),
            study_uid=_identified(_first(resource.get("imagingStudy"))).removeprefix(_OID),
            modality=_coded(_first(resource.get("category"))),
            body_part=_named(resource.get("code")),
            author=_shown(_first(resource.get("performer"))),
            verified_by=_shown(_first(resource.get("resultsInterpreter"))),
            reported_at=issued,
            findings=_narrative(resource.get("text")),
            conclusion=_conclusion(resource),
            attachments=tuple(_attachments(resource.get("presentedForm"))),
        )
    )


def write_diagnostic_report(body: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Write a report's document as a DiagnosticReport."""
    told: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "meta": {"versionId": str(version)},
        "identifier": [{"value": body["serial"]}],
        "status": body["status"],
        "code": {"text": body.get("bodyPart") or "report"},
        "issued": body.get("reportedAt") or body["day"],
    }
    for key, value in _written(body):
        told[key] = value
    return told


def _written(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if body.get("accessionNumber"):
        kind = {"coding": [{"code": "ACSN"}]}
        yield "basedOn", [{"identifier": {"type": kind, "value": body["accessionNumber"]}}]
    if body.get("patientID"):
        yield "subject", {"identifier": {"value": body["patientID"]}}
    if body.get("studyUID"):
        yield "imagingStudy", [{"identifier": {"system": "urn:dicom:uid", "value": _OID + body["studyUID"]}}]
    if body.get("modality"):
        yield "category", [{"coding": [{"code": body["modality"]}]}]
    if body.get("author"):
        yield "performer", [{"display": body["author"]}]
    if body.get("verifiedBy"):
        yield "resultsInterpreter", [{"display": body["verifiedBy"]}]
    if body.get("findings"):
        text = html.escape(body["findings"])
        yield (
            "text",
            {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'},
        )
    if body.get("conclusion"):
        yield "conclusion", body["conclusion"]
    if body.get("attachments"):
        yield (
            "presentedForm",
            [{"contentType": one["contentType"], "data": one["data"]} for one in body["attachments"]],
        )


def _numbers(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Serial and accession number."""
    serial, accession = "", _identified(_first(resource.get("basedOn")))
    for one in _list(resource.get("identifier")):
        value = _text(_mapping(one).get("value"))
        if "ACSN" in _codes(_mapping(one).get("type")):
            accession = value
        else:
            serial = serial or value
    return serial or _text(resource.get("id")), accession


def _patient_id(resource: Mapping[str, Any]) -> str:
    """Of the subject, or of the Patient that it names within the resource."""
    subject = _mapping(resource.get("subject"))
    contained = {f"#{_text(one.get('id'))}": one for one in map(_mapping, _list(resource.get("contained")))}
    patient = _mapping(contained.get(_text(subject.get("reference"))))
    identifiers = [_mapping(one) for one in _list(patient.get("identifier"))]
    own = [one for one in identifiers if {"MR", "PI"} & set(_codes(one.get("type")))]
    return _identified(subject) or _text(_mapping(_first(own or identifiers)).get("value"))


def _instant(resource: Mapping[str, Any]) -> str:
    """When it was issued; else when what it reports was true."""
    period = _mapping(resource.get("effectivePeriod"))
    told = (resource.get("issued"), resource.get("effectiveDateTime"), period.get("end"), period.get("start"))
    return next((text for one in told if (text := _text(one))), "")


def _conclusion(resource: Mapping[str, Any]) -> str:
    """Its words, else those of its codes."""
    told = resource.get("conclusion")
    if told is not None and not isinstance(told, str):
        raise MessageError("conclusion", told, "text")
    return told or "\n".join(filter(None, (_named(one) for one in _list(resource.get("conclusionCode")))))


def _attachments(forms: Any) -> Iterator[Attachment]:
    for form in _list(forms):
        told = _mapping(form)
        if _text(told.get("data")):
            kind = _text(told.get("contentType")).partition(";")[0].strip().lower()
            yield Attachment(kind, "".join(_text(told.get("data")).split()))
        elif told.get("url"):
            raise MessageError("presentedForm.url", told.get("url"), "the file itself, as data in Base64")


def _narrative(text: Any) -> str:
    """The words of a Narrative: its XHTML without the tags, a line for each of its lines and paragraphs."""
    lines = _TAG.sub(" ", _LINE_END.sub("\n", _text(_mapping(text).get("div")))).split("\n")
    return html.unescape("\n".join(line.strip() for line in lines)).strip()


def _identified(reference: Any) -> str:
    return _text(_mapping(_mapping(reference).get("identifier")).get("value"))


def _shown(reference: Any) -> str:
    return _text(_mapping(reference).get("display"))


def _named(concept: Any) -> str:
    told = _mapping(concept)
    coding = _mapping(_first(told.get("coding")))
    return _text(told.get("text")) or _text(coding.get("display")) or _text(coding.get("code"))


def _coded(concept: Any) -> str:
    return next(iter(_codes(concept)), _text(_mapping(concept).get("text")))


def _codes(concept: Any) -> list[str]:
    return [_text(_mapping(one).get("code")) for one in _list(_mapping(concept).get("coding"))]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(value: Any) -> Any:
    return next(iter(_list(value)), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
