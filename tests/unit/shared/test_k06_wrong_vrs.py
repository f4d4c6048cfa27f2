"""
A value under another VR than its own is read as anybody would read it, and one that cannot be decoded costs
only itself (K6, K3).
"""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from pacs_module.domain.dicom.images import ImageFacts, image_facts
from pacs_module.domain.dicom.numbers import read_thickness, read_whole
from pacs_module.shared.dicom_header import READ_OF_RECEIVED, Header, read_header
from tests.fakes.plugin_stack import ct_series

_LONG = (b"OB", b"OW", b"OF", b"UN", b"UT", b"SQ")
THICKNESS, ROWS, IMAGE_TYPE, POSITION, NUMBER = (
    (0x0018, 0x0050), (0x0028, 0x0010), (0x0008, 0x0008), (0x0020, 0x0032), (0x0020, 0x0013)
)  # fmt: skip


@pytest.fixture(scope="module")
def slice_bytes() -> bytes:
    where: Any = {
        "ImagePositionPatient": ["0", "0", "5"],
        "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    }
    (image,) = ct_series("1.2.3", 1, SliceThickness="1.25", **where)
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def with_value(content: bytes, tag: tuple[int, int], vr: bytes, value: bytes) -> bytes:
    """The file with one element of Explicit VR Little Endian written otherwise."""
    named = struct.pack("<HH", *tag)
    at = content.index(named)
    while not content[at + 4 : at + 6].isalpha():
        at = content.index(named, at + 1)
    (length,) = struct.unpack("<H", content[at + 6 : at + 8])
    size = b"\0\0" + struct.pack("<L", len(value)) if vr in _LONG else struct.pack("<H", len(value))
    return content[:at] + named + vr + size + value + content[at + 8 + length :]


def facts(content: bytes) -> ImageFacts:
    header = read_header(io.BytesIO(content), READ_OF_RECEIVED)
    assert isinstance(header, Header), header
    return image_facts(header.tags)


@pytest.mark.parametrize(
    ("vr", "value", "mm"),
    [
        (b"FD", struct.pack("<d", 1.25), 1.25), (b"FL", struct.pack("<f", 1.25), 1.25),
        (b"US", struct.pack("<H", 5), 5.0), (b"SS", struct.pack("<h", 5), 5.0),
        (b"UL", struct.pack("<L", 5), 5.0), (b"SL", struct.pack("<l", 5), 5.0),
        (b"UN", b"1.25", 1.25), (b"OB", b"1.25", 1.25), (b"OW", b"1.25", 1.25), (b"UT", b"1.25", 1.25),
        (b"LO", b"1.25", 1.25), (b"IS", b"1.25", 1.25), (b"FD", b"1.25", 1.25), (b"FL", b"1.25", 1.25),
        (b"FD", b"1.250000", 1.25), (b"US", b"5 ", 5.0), (b"AT", b"1.25", 1.25), (b"SQ", b"1.25", 1.25),
        (b"XX", b"1.25", 1.25), (b"OB", b"1,25 mm\0", 1.25),
        (b"FD", b"\xff\xfe\xfd", None), (b"OB", b"\0\0\xf4\x3f", None), (b"SQ", b"", None),
        (b"FD", b"", None), (b"DS", b"\xff\xfe\xfd\xfc", None), (b"FD", struct.pack("<d", 1e300), None),
        (b"FD", struct.pack("<d", float("nan")), None), (b"UN", struct.pack("<d", 1.25), None),
    ],
)  # fmt: skip
def test_a_thickness_under_another_vr(slice_bytes: bytes, vr: bytes, value: bytes, mm: float | None) -> None:
    read = facts(with_value(slice_bytes, THICKNESS, vr, value))
    assert read_thickness(read.thickness or "").value == mm
    assert (read.image_type, read.positions, read.number) == ("ORIGINAL\\PRIMARY\\AXIAL", ("0\\0\\5",), "1")


@pytest.mark.parametrize(
    ("vr", "value", "size"),
    [
        (b"IS", b"16", "16\\16"), (b"UL", struct.pack("<L", 16), "16\\16"), (b"US", b"\x10\0\0", "\\16"),
        (b"US", b"\x10", "\\16"), (b"US", b"", "\\16"), (b"OW", b"\x10\0", "\\16"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_decoded_cost_only_themselves(
    slice_bytes: bytes, vr: bytes, value: bytes, size: str
) -> None:
    read = facts(with_value(slice_bytes, ROWS, vr, value))
    assert (read.size, read.thickness) == (size, "1.25")


@pytest.mark.parametrize("vr", [b"UN", b"OB", b"LT", b"UT", b"SH", b"OW"])
def test_an_image_type_under_another_vr(slice_bytes: bytes, vr: bytes) -> None:
    read = facts(with_value(slice_bytes, IMAGE_TYPE, vr, b"ORIGINAL\\PRIMARY\\LOCALIZER "))
    assert read.image_type == "ORIGINAL\\PRIMARY\\LOCALIZER"


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        (b"FD", struct.pack("<ddd", 0, 0, 7)), (b"FL", struct.pack("<fff", 0, 0, 7)),
        (b"SS", struct.pack("<hhh", 0, 0, 7)), (b"OB", b"0\\0\\7 "), (b"UT", b"0\\0\\7 "),
    ],
)  # fmt: skip
def test_a_position_under_another_vr(slice_bytes: bytes, vr: bytes, value: bytes) -> None:
    (position,) = facts(with_value(slice_bytes, POSITION, vr, value)).positions
    assert [float(one) for one in position.split("\\")] == [0, 0, 7]


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        (b"US", struct.pack("<H", 7)), (b"UL", struct.pack("<L", 7)), (b"FD", struct.pack("<d", 7)),
        (b"SH", b"7 "), (b"OB", b"7 "), (b"UN", b"7 "),
    ],
)  # fmt: skip
def test_a_number_of_an_image_under_another_vr(slice_bytes: bytes, vr: bytes, value: bytes) -> None:
    assert read_whole(facts(with_value(slice_bytes, NUMBER, vr, value)).number) == 7
