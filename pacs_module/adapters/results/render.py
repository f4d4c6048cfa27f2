"""
In the child process: a backend's JSON result as a structured report (TID 1500, by highdicom) and as a PDF of
one page, each a DICOM object of the study.

UIDs are deterministic, so that a retry after a crash makes the same objects.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from ...domain.results.pseudonyms import ALWAYS, PseudonymRecord
from .restore import give_back
from .uids import rendered_uid

SCHEME = "99AIPULL"
"""Of the codes that are made of a backend's own names."""
_ENCAPSULATED_PDF = UID("1.2.840.10008.5.1.4.1.1.104.1")
_MOST_IMAGES = 20
_MOST_VALUES = 200
_MOST_MEANING = 64  # LO, PS3.5 6.2
_MOST_TEXT = 1000
_FONT = "STSong-Light"
"""A font of every PDF reader that has Chinese and Latin characters."""
_SERIES_NUMBERS = {"sr": 9001, "pdf": 9002}
_OF_PATIENT_AND_STUDY = (
    *ALWAYS, "IssuerOfPatientID", "StudyInstanceUID", "StudyDescription",
)  # fmt: skip


def rendered(kind: str, source: Path, told: Mapping[str, Any], identity: PseudonymRecord | None) -> Dataset:
    """
    A data set of one kind.

    Args:
        kind: sr or pdf.
        source: A folder with the images that were computed.
        told: ``handoverID``, ``at`` (ISO 8601), ``values`` (the backend's result), ``message``, ``algorithm``
            and ``version``.
        identity: Of images under pseudonyms.

    Raises:
        ValueError: There is no image, or the values make no report.
    """
    images = list(_images(source, identity))
    if not images:
        raise ValueError("there is no image that the result could refer to")
    return _report(images, told) if kind == "sr" else _document(images[0], told)


def _images(folder: Path, identity: PseudonymRecord | None) -> Iterator[FileDataset]:
    """The first image of each folder, with its patient."""
    seen: set[Path] = set()
    for file in sorted(folder.rglob("*")):
        if file.parent in seen or not file.is_file() or len(seen) >= _MOST_IMAGES:
            continue
        seen.add(file.parent)
        image = dcmread(file, stop_before_pixels=True)
        if identity is not None:
            give_back(image, identity)
        _fill_missing(image)
        yield image


def _fill_missing(image: FileDataset) -> None:
    for keyword in ALWAYS:
        if keyword not in image:
            setattr(image, keyword, "")


# --- structured report ---


def _report(images: list[FileDataset], told: Mapping[str, Any]) -> Dataset:
    from highdicom.sr import ComprehensiveSR  # with highdicom comes numpy

    content, at = _content(images, told), datetime.fromisoformat(str(told["at"]))
    report = ComprehensiveSR(
        evidence=images,
        content=content,
        series_number=_SERIES_NUMBERS["sr"],
        series_instance_uid=rendered_uid("sr", told, "series"),
        sop_instance_uid=rendered_uid("sr", told, "object"),
        instance_number=1,
        manufacturer=str(told["algorithm"])[:_MOST_MEANING],
        series_description=f"AI result {told['algorithm']}"[:_MOST_MEANING],
        is_complete=True,
        content_date=at.date(),
        content_time=at.time(),
    )
    report.SpecificCharacterSet = "ISO_IR 192"
    return report


def _content(images: list[FileDataset], told: Mapping[str, Any]) -> Any:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_device(told)),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion
        if images[0].Modality == "CT"
        else _code("radiography"),
        imaging_measurements=_groups(images, told),
        title=codes.DCM.ImagingMeasurementReport,
    )
    for name, value in _texts(told):
        item = sr.TextContentItem(name=_code(name), value=value, relationship_type=_CONTAINS)
        report[0].ContentSequence.append(item)
    return report


def _device(told: Mapping[str, Any]) -> Any:
    """The algorithm, as who has observed."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    attributes = sr.DeviceObserverIdentifyingAttributes(
        uid=rendered_uid("sr", {**told, "handoverID": "", "at": ""}, str(told["algorithm"])),
        name=str(told["algorithm"])[:_MOST_MEANING],
        model_name=str(told["version"])[:_MOST_MEANING] or None,
    )
    return sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=attributes)


_CONTAINS = "CONTAINS"


def _groups(images: list[FileDataset], told: Mapping[str, Any]) -> list[Any]:
    from highdicom import sr

    numbers = [_measurement(name, value) for name, value in _values(told) if _number(value) is not None]
    if not numbers:
        return []
    name, version = str(told["algorithm"])[:_MOST_MEANING], str(told["version"]) or "unknown"
    sources = [sr.SourceImageForMeasurementGroup(one.SOPClassUID, one.SOPInstanceUID) for one in images]
    return [
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=rendered_uid("sr", told, "group"), identifier="AI result"
            ),
            measurements=numbers,
            source_images=sources,
            algorithm_id=sr.AlgorithmIdentification(name, version),
        )
    ]


def _measurement(name: str, value: Any) -> Any:
    from highdicom import sr

    unit = str(value.get("unit") or "1") if isinstance(value, Mapping) else "1"
    number = _number(value)
    assert number is not None  # noqa: S101 - the caller asked
    return sr.Measurement(
        name=_code(name), value=number, unit=sr.CodedConcept(unit[:16], "UCUM", unit[:_MOST_MEANING])
    )


def _code(name: str) -> Any:
    """A code for a backend's own name: the same one each time, 16 characters at most."""
    from highdicom import sr

    short = name if name.isascii() and len(name) <= 16 else hashlib.sha256(name.encode()).hexdigest()[:16]
    return sr.CodedConcept(short or "value", SCHEME, name[:_MOST_MEANING] or "value")


def _texts(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if told.get("message"):
        yield "message", str(told["message"])[:_MOST_TEXT]
    for name, value in _values(told):
        if _number(value) is None:
            yield name, _words(value)


# --- PDF ---


def _document(image: Dataset, told: Mapping[str, Any]) -> FileDataset:
    """An encapsulated PDF (PS3.3 A.45.1); highdicom has none."""
    document = _empty_document(rendered_uid("pdf", told, "object"))
    for keyword in _OF_PATIENT_AND_STUDY:
        setattr(document, keyword, image.get(keyword, ""))
    _fill_series(document, told)
    page = _page(image, told)
    document.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
    document.EncapsulatedDocumentLength = len(page)
    return document


def _empty_document(sop_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, _ENCAPSULATED_PDF
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    document = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    document.SpecificCharacterSet = "ISO_IR 192"
    document.SOPClassUID, document.SOPInstanceUID = _ENCAPSULATED_PDF, sop_uid
    return document


def _fill_series(document: Dataset, told: Mapping[str, Any]) -> None:
    document.SeriesInstanceUID, document.SeriesNumber = (
        rendered_uid("pdf", told, "series"),
        _SERIES_NUMBERS["pdf"],
    )
    at = datetime.fromisoformat(str(told["at"]))
    document.ContentDate, document.ContentTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"
    document.AcquisitionDateTime = ""
    document.Modality, document.ConversionType, document.InstanceNumber = "DOC", "WSD", 1
    document.Manufacturer = document.SeriesDescription = f"AI result {told['algorithm']}"[:_MOST_MEANING]
    document.BurnedInAnnotation, document.DocumentTitle = "YES", "AI result"
    document.ConceptNameCodeSequence, document.MIMETypeOfEncapsulatedDocument = [], "application/pdf"


def _page(image: Dataset, told: Mapping[str, Any]) -> bytes:
    """One page of A4: what does not fit is left out, and the page says so."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    held = io.BytesIO()
    page = Canvas(held, pagesize=A4, invariant=1)
    page.setTitle("AI result")
    _write_lines(page, list(_lines(image, told)), A4[1])
    page.save()
    return held.getvalue()


def _write_lines(page: Any, lines: list[str], height: float) -> None:
    for number, line in enumerate(lines[:_MOST_LINES]):
        page.setFont(_FONT, 16 if number == 0 else 10)
        page.drawString(56, height - 72 - 15 * number, line[:_MOST_COLUMNS])
    if len(lines) > _MOST_LINES:
        page.drawString(56, 40, f"{len(lines) - _MOST_LINES} more values: see the structured report")


_MOST_LINES, _MOST_COLUMNS = 46, 90


def _lines(image: Dataset, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"AI result: {told['algorithm']} {told['version']}".strip()
    yield f"{str(image.get('PatientName', '')).replace('^', ' ')}, {image.get('PatientID', '')}"
    yield f"born {image.get('PatientBirthDate', '')}, sex {image.get('PatientSex', '')}"
    yield f"study of {image.get('StudyDate', '')}, accession {image.get('AccessionNumber', '')}"
    yield f"computed {told['at']}; not read by a physician"
    yield ""
    if told.get("message"):
        yield str(told["message"])
    for name, value in _values(told):
        yield f"{name}: {_words(value)}"


# --- values ---


def _values(told: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(str(name), value) for name, value in dict(told["values"]).items()][:_MOST_VALUES]


def _number(value: Any) -> float | None:
    inner = value.get("value") if isinstance(value, Mapping) else value
    if isinstance(inner, bool) or not isinstance(inner, int | float):
        return None
    return float(inner)


def _words(value: Any) -> str:
    if isinstance(value, Mapping) and "value" in value:
        return f"{value['value']} {value.get('unit', '')}".strip()[:_MOST_TEXT]
    return str(value)[:_MOST_TEXT]
