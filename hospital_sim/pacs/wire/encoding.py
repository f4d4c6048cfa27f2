"""Headers and pixels to bytes: text as a coding says; images of one shape share their pixels."""

from __future__ import annotations

import functools

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element

from hospital_sim.pacs.wire.data_sets import SPECIFIC_CHARACTER_SET, Element, encode_element, value_to_bytes
from hospital_sim.pacs.wire.text import TEXT_VRS, TextCoding
from hospital_sim.planned_study import RADIOGRAPHS, PlannedSeries, PlannedStudy


def matrix_of(study: PlannedStudy, series: PlannedSeries) -> int:
    """Rows and columns of an image, in pixels."""
    return study.matrix * 2 if series.content in RADIOGRAPHS else study.matrix


def encode_header(header: Dataset, coding: TextCoding, *, implicit: bool) -> dict[int, bytes]:
    """Elements by tag; text as the coding says, the rest by pydicom."""
    found: dict[int, bytes] = {}
    for element in header:
        if element.VR in TEXT_VRS:
            found[int(element.tag)] = _encode_text(element, coding, implicit)
        else:
            found[int(element.tag)] = _encode_other(element, implicit)
    found.pop(SPECIFIC_CHARACTER_SET, None)
    if coding.declared is not None:
        one: Element = (SPECIFIC_CHARACTER_SET, "CS", coding.declared.encode())
        found[SPECIFIC_CHARACTER_SET] = encode_element(one, implicit=implicit)
    return found


def _encode_text(element: DataElement, coding: TextCoding, implicit: bool) -> bytes:
    values = element.value if element.VM > 1 else [element.value or ""]
    text = "\\".join(str(one) for one in values)
    value = value_to_bytes(element.VR, text, coding)
    return encode_element((int(element.tag), element.VR, value), implicit=implicit)


def _encode_other(element: DataElement, implicit: bool) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_data_element(buffer, element)
    return buffer.getvalue()


def add_shape(header: Dataset, study: PlannedStudy, series: PlannedSeries) -> None:
    """What describes the pixels (PS3.3 C.7.6.3)."""
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows = header.Columns = matrix_of(study, series)
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.RescaleIntercept, header.RescaleSlope = (
        ("-1024", "1") if series.modality in ("CT", "PT") else ("0", "1")
    )


@functools.lru_cache(maxsize=16)
def pixels(matrix: int, radiograph: bool, implicit: bool, frames: int = 1) -> bytes:
    """PixelData of one shape: an ellipse with a little noise, the same for all images and frames."""
    y, x = np.mgrid[-1 : 1 : matrix * 1j, -1 : 1 : matrix * 1j]
    inside = (x / 0.9) ** 2 + (y / 0.7) ** 2 < 1
    rng = np.random.default_rng(matrix + radiograph)
    image = np.where(inside, 1064, 24) + rng.integers(0, 20, size=(matrix, matrix))
    return encode_element((0x7FE00010, "OW", image.astype("<u2").tobytes() * frames), implicit=implicit)
