"""What the first image of a series tells."""

from __future__ import annotations

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.dicom.repair import hex_bytes, text_of_bytes
from pacs_module.domain.rules.filters import KEYWORD_ATTRIBUTES

from ..server.rest import OrthancRest, SeriesHere, absent_as_none

_CONTENT = {
    "BodyPartExamined": "0018-0015",
    "ProtocolName": "0018-1030",
    "StudyDescription": "0008-1030",
    "SeriesDescription": "0008-103e",
    "ImageComments": "0020-4000",
}
_WANTED = (
    *KEYWORD_ATTRIBUTES,
    "AccessionNumber", "PatientID", "StudyDate", "StudyTime", "Modality", "ImageType", "SliceThickness", "ConvolutionKernel",
)  # fmt: skip


def read_facts(rest: OrthancRest, series: SeriesHere, expected: int | None) -> SeriesFacts | None:
    """
    Read the first image of a series.

    An attribute that the image lacks is known to be empty, other than one that a PACS did not return. What Orthanc could not
    decode is missing in its answer and not in the image: such text is read from the bytes.

    Args:
        rest: Orthanc.
        series: With at least one image.
        expected: Instances that the PACS announced, None when it did not.

    Returns:
        The facts, None when the image is gone.
    """
    first = series.instances[0]
    tags = absent_as_none(lambda: rest.tags(first))
    if tags is None:
        return None
    attributes = {keyword: tags.get(keyword, "") for keyword in _WANTED}
    raw = {}
    for keyword, content in _CONTENT.items():
        data = _raw(rest, first, content) if keyword in tags else b""
        if data.isascii():
            continue
        raw[keyword] = hex_bytes(data)
        if attributes[keyword].isascii():  # the characters were lost on the way
            attributes[keyword] = text_of_bytes(data)
    return SeriesFacts(series.series_uid, attributes, expected, raw)


def holes(numbers: list[int | None]) -> int:
    """How many InstanceNumbers are missing between the first and the last."""
    known = {number for number in numbers if number is not None}
    return max(known) - min(known) + 1 - len(known) if known else 0


def _raw(rest: OrthancRest, instance: str, content: str) -> bytes:
    data = absent_as_none(lambda: rest.get_bytes(f"/instances/{instance}/content/{content}"))
    return data.rstrip(b" \0") if data else b""
