"""What the first image of a series tells."""

from __future__ import annotations

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.dicom.text_repair import hex_bytes
from pacs_module.domain.rules.filters import KEYWORD_ATTRIBUTES

from ..server.stored_file import Header

_WANTED = (
    *KEYWORD_ATTRIBUTES,
    "AccessionNumber", "PatientID", "StudyDate", "StudyTime", "Modality", "ImageType", "SliceThickness", "ConvolutionKernel",
    "SeriesNumber", "SeriesDate", "SeriesTime", "ContrastBolusAgent",
)  # fmt: skip


def read_facts(header: Header, series_uid: str, expected: int | None) -> SeriesFacts:
    """
    Take from the first image of a series what the rules judge by.

    An attribute that the image lacks is known to be empty, other than one that a PACS did not return.

    Args:
        header: Of the image.
        series_uid: SeriesInstanceUID.
        expected: Instances that the PACS announced, None when it did not.
    """
    attributes = {keyword: header.text(keyword) for keyword in _WANTED}
    raw = {
        keyword: hex_bytes(data)
        for keyword in KEYWORD_ATTRIBUTES
        if not (data := header.raw(keyword)).isascii()
    }
    return SeriesFacts(series_uid, attributes, expected, raw)


def holes(numbers: list[int | None]) -> int:
    """How many InstanceNumbers are missing between the first and the last."""
    known = {number for number in numbers if number is not None}
    return max(known) - min(known) + 1 - len(known) if known else 0
