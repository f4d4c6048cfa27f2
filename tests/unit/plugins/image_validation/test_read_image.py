"""
Files as they stand on disk, made by pydicom in all native syntaxes and cut at every place.

Does not prove anything about what Orthanc writes: ``tests/integration/receive/test_quarantine.py`` does.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, Sequence, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from aipull.image_validation.read_image import read_bytes, read_file, wanted_tags
from pacs_module.domain.image_validation.image import MAY_HAVE_UIDS, READ_OF_PIXELS, UIDS, ImageRead, Origin
from pacs_module.domain.image_validation.policy import Policy
from pacs_module.domain.image_validation.validate_image import judge
from pacs_module.domain.receive.image_origin import Sender
from tests.fakes.plugin_stack import ct_series
from tests.support.images.poison import nested

TAGS = wanted_tags((*UIDS, *MAY_HAVE_UIDS, *READ_OF_PIXELS, "PatientID", "Modality"))
NATIVE = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


def image(**values: Any) -> Dataset:
    made = ct_series("1.2.3", 1, **values)[0]
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator = "1", "DCM"
    outer = Dataset()
    outer.PurposeOfReferenceCodeSequence = Sequence([inner, inner])
    made.SourceImageSequence = Sequence([outer])
    return made


def content(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian, undefined: bool = False) -> bytes:
    if undefined:
        for element in dataset.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    implicit = syntax == ImplicitVRLittleEndian
    dcmwrite(
        buffer, dataset, enforce_file_format=True, implicit_vr=implicit,
        little_endian=syntax != ExplicitVRBigEndian,
    )  # fmt: skip
    return buffer.getvalue()


def passes(read: ImageRead) -> bool:
    return judge(read, Origin(Sender("CT1")), Policy(mandatory=("PatientID",))).passed


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", NATIVE)
def test_a_whole_file_is_read_in_every_native_syntax(syntax: UID, undefined: bool) -> None:
    read = read_bytes(content(image(), syntax, undefined), TAGS)
    assert read.unreadable == ""
    assert read.text("StudyInstanceUID") == "1.2.3"
    assert (read.text("Rows"), read.text("BitsAllocated"), read.text("PatientID")) == ("16", "16", "P1")
    assert read.pixels is not None
    assert (read.pixels.there, read.pixels.told) == (512, 512)
    assert passes(read)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", NATIVE)
def test_a_file_that_was_cut_anywhere_never_passes(syntax: UID, undefined: bool) -> None:
    whole = content(image(), syntax, undefined)
    padding = int(syntax == DeflatedExplicitVRLittleEndian)  # PS3.5 A.5: to an even length
    passed = [size for size in range(len(whole) - padding) if passes(read_bytes(whole[:size], TAGS))]
    assert passed == []


def test_compressed_pixels_are_counted_by_fragment_and_cut_ones_never_pass() -> None:
    made = image(NumberOfFrames=2)
    made.PixelData = encapsulate([b"\xff\xd8one\xff\xd9", b"\xff\xd8another\xff\xd9"])
    made["PixelData"].is_undefined_length = True
    whole = content(made, JPEGLSLossless)
    read = read_bytes(whole, TAGS)
    assert read.pixels is not None
    assert (read.pixels.fragments, read.pixels.told, read.pixels.ended) == (2, None, True)
    assert passes(read)
    begin = whole.rfind(b"\xe0\x7f\x10\x00")
    assert not any(passes(read_bytes(whole[:size], TAGS)) for size in range(begin, len(whole)))


def test_what_follows_the_pixels_is_read_too() -> None:
    made = image()
    made.add_new(0xFFFCFFFC, "OB", b"\0" * 10)
    assert passes(read_bytes(content(made), TAGS))
    assert not passes(read_bytes(content(made)[:-3], TAGS))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no DICOM file"),
        (b"\0" * 128 + b"DICM", "no transfer syntax"),
        (b"\0" * 128 + b"DICM" + b"\x02\x00\x10\x00UI\xff\xff1.2", "file meta information: element (0002,0010)"),
        (b"GIF89a" * 100, "no DICOM file"),
    ],
)  # fmt: skip
def test_other_files_are_a_value(data: bytes, words: str) -> None:
    assert read_bytes(data, TAGS).unreadable.startswith(words)


def test_poison_costs_nothing() -> None:
    read = read_bytes(content(image()) + nested(100_000), TAGS)
    assert read.unreadable == "more than 32 nested sequences"


def test_a_deflated_bomb_is_told() -> None:
    whole = content(image(), DeflatedExplicitVRLittleEndian)
    begin = read_bytes(whole, TAGS).dataset_at
    bomb = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = b"".join(bomb.compress(b"\0" * 2**20) for _ in range(513)) + bomb.flush()
    assert read_bytes(whole[:begin] + packed, TAGS).unreadable == "deflated: more than 512 MB"


def test_a_file_on_disk_is_read_as_its_bytes_are(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(content(image()))
    assert read_file(str(file), TAGS) == read_bytes(file.read_bytes(), TAGS)
    file.write_bytes(b"")
    assert read_file(str(file), TAGS).unreadable == "the file is empty"
    with pytest.raises(OSError, match="missing"):
        read_file(str(tmp_path / "missing"), TAGS)


def test_an_attribute_that_there_is_none_of_is_named() -> None:
    with pytest.raises(KeyError, match="PatientsName"):
        wanted_tags(("PatientsName",))
