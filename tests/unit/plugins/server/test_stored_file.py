"""
A foreign file costs a bounded amount and never the reader: what cannot be read is a value (K8).

Does not prove that Orthanc survives the same file (tests/integration/test_k08_poison_orthanc.py).
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydicom import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from aipull.server.stored_file import Header, Unreadable, read_header
from pacs_module.shared import dicom_header
from tests.support.ct_files import ct_file
from tests.support.poison import CT, DEFLATED, as_file, blob, dataset, deflated, element, nested

STUDY, SOP = "1.2.3", "1.2.3.4"


def read(data: bytes) -> Header | Unreadable:
    return read_header(io.BytesIO(data))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (as_file(dataset(STUDY, SOP, nested(33))), "nested"),
        (as_file(dataset(STUDY, SOP, nested(60))), "nested"),
        (as_file(dataset(STUDY, SOP, nested(20_000))), "nested"),
        (as_file(dataset(STUDY, SOP, nested(60, defined=True))), "nested"),
        (as_file(dataset(STUDY, SOP, nested(20_000, defined=True))), "nested"),
        (as_file(nested(5_000)[:-400]), ""),
        (as_file(dataset(STUDY, SOP)[:-3]), ""),
        (as_file(deflated(dataset(STUDY, SOP, nested(20_000)), 1), DEFLATED), "nested"),
        (as_file(b"\x78\x9c no deflate", DEFLATED), "error"),
        (b"", "InvalidDicomError"),
        (b"%PDF-1.4" * 100, "InvalidDicomError"),
        (bytes(128) + b"DICM\x02\x00\x10\x00UI\xff\xff", ""),
    ],
)
def test_whatever_the_file_is_it_is_read_or_a_value_says_why(data: bytes, why: str) -> None:
    header = read(data)
    if why:
        assert isinstance(header, Unreadable)
        assert why in header.why


@pytest.mark.parametrize("length", [20 * 2**20, 2**32 - 2])
def test_a_value_that_is_too_long_is_passed_over(length: int) -> None:
    header = read(as_file(dataset(STUDY, SOP, element(0x0008, 0x103E, "LO", b"CHEST") + blob(length))))
    assert isinstance(header, Unreadable) or header.text("SeriesDescription") == "CHEST"


def test_a_bomb_is_not_inflated_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_header, "_MAX_BYTES", 2**20)
    header = read(as_file(deflated(dataset(STUDY, SOP), 40), DEFLATED))
    assert isinstance(header, Unreadable) or header.text("PatientID") == "POISON"


def test_more_bytes_or_seconds_than_allowed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_header, "_MAX_BYTES", 100)
    assert read(as_file(dataset(STUDY, SOP))) == Unreadable("more than 0 MB before the pixels")
    monkeypatch.setattr(dicom_header, "_MAX_BYTES", 2**20)
    monkeypatch.setattr(dicom_header, "_MAX_SECONDS", -1.0)
    assert read(as_file(dataset(STUDY, SOP))) == Unreadable("not read within -1 s")


def test_a_header_is_text_by_keyword_with_sequences_as_lists() -> None:
    measures = Dataset()
    measures.SliceThickness = "1.25"
    group = Dataset()
    group.PixelMeasuresSequence = Sequence([measures])
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    image.SOPClassUID = CT
    image.SpecificCharacterSet = "GB18030"
    image.SOPInstanceUID, image.Rows, image.ImageType = SOP, 512, ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SeriesDescription = "胸部平扫"
    image.SharedFunctionalGroupsSequence = Sequence([group])
    image.BitsAllocated, image.PixelData = 16, bytes(2**20)
    written = io.BytesIO()
    image.save_as(written, enforce_file_format=True, implicit_vr=False, little_endian=True)
    header = read(written.getvalue())
    assert isinstance(header, Header)
    assert header.tags["SharedFunctionalGroupsSequence"] == [
        {"PixelMeasuresSequence": [{"SliceThickness": "1.25"}]}
    ]
    assert (header.text("Rows"), header.text("ImageType")) == ("512", "ORIGINAL\\PRIMARY\\AXIAL")
    assert header.text("SeriesDescription") == "胸部平扫"
    assert header.raw("SeriesDescription") == "胸部平扫".encode("gb18030")
    assert header.text("SharedFunctionalGroupsSequence") == header.text("Nothing") == ""
    assert "PixelData" not in header.tags


@pytest.mark.parametrize(
    ("declared", "data"),
    [(b"", "胸".encode("gb18030")), (b"", "胸".encode()), (b"ISO_IR 192", "胸".encode())],
)
def test_text_is_decoded_as_declared_or_as_it_reads(declared: bytes, data: bytes) -> None:
    charset = element(0x0008, 0x0005, "CS", declared) if declared else b""
    header = read(as_file(dataset(STUDY, SOP, charset + element(0x0008, 0x103E, "LO", data))))
    assert isinstance(header, Header)
    assert header.text("SeriesDescription") == "胸"


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "image"
    ct_file(path, STUDY, f"{STUDY}.1", 7)
    with path.open("rb") as content:
        header = read_header(content)
    assert isinstance(header, Header)
    assert (header.text("Modality"), header.text("InstanceNumber"), header.text("Columns")) == (
        "CT",
        "7",
        "16",
    )
