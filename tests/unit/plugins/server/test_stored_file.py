"""
A foreign file costs a bounded amount and never the reader: what cannot be read is a value (K8).

Does not prove that Orthanc survives the same file (tests/long/receive/test_k08_poison_orthanc.py).
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydicom import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from aipull.server.orthanc_client import InstanceHere
from aipull.server.stored_file import Header, StoredFiles, Unreadable, read_header
from pacs_module.domain.dicom.images import image_facts
from pacs_module.shared import dicom_header
from pacs_module.shared.dicom_header import READ_OF_RECEIVED, read_facts
from tests.fakes.orthanc_store import FakeStore
from tests.support.images.ct_files import ct_file
from tests.support.images.poison import CT, DEFLATED, as_file, blob, dataset, deflated, element, nested

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


def enhanced() -> bytes:
    """An object with functional groups and text that is not ASCII."""
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
    return written.getvalue()


def test_a_header_is_text_by_keyword_with_sequences_as_lists() -> None:
    header = read(enhanced())
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
    "data",
    [
        enhanced(),
        as_file(dataset(STUDY, SOP, element(0x0008, 0x103E, "LO", "胸".encode("gb18030")))),
        as_file(deflated(dataset(STUDY, SOP), 1), DEFLATED),
    ],
    ids=["enhanced", "undeclared text", "deflated"],
)
def test_what_is_passed_over_is_not_what_is_asked_for(data: bytes) -> None:
    whole, wanted = read(data), read_header(io.BytesIO(data), READ_OF_RECEIVED)
    assert isinstance(whole, Header)
    assert isinstance(wanted, Header)
    assert wanted.tags.keys() < whole.tags.keys()
    assert image_facts(wanted.tags) == image_facts(whole.tags)
    assert read_facts(wanted, "1.2.3.9", 7) == read_facts(whole, "1.2.3.9", 7)


def test_an_image_that_nobody_can_bear_is_not_read_for_its_first_level(tmp_path: Path) -> None:
    files = StoredFiles(tmp_path, FakeStore(tmp_path))
    for name, depth in (("aabb0", 33), ("aabb1", 3)):
        (tmp_path / "aa" / "bb").mkdir(parents=True, exist_ok=True)
        (tmp_path / "aa" / "bb" / name).write_bytes(as_file(dataset(STUDY, SOP, nested(depth, defined=True))))
    poison, harmless = (files.header(InstanceHere("i", SOP, 1, name, 1)) for name in ("aabb0", "aabb1"))
    assert (type(poison), type(harmless)) == (Unreadable, Header)


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
