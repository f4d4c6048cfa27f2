"""Images in a destination's transfer syntax: the same pixels, poison costs only itself, nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian

from pacs_module.adapters.files.compression import SYNTAXES, converted
from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.adapters.upload.converted_source import ConvertedSource
from pacs_module.domain.upload.files import UploadFile
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from tests.fakes.world import FakeLog
from tests.support.images.ct_files import ct_file

STUDY = "1.2.3"
NAMES = StoragePath(DEFAULT)


def images(folder: Path, number: int = 2) -> None:
    draw = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(1, number + 1):
        pixels = draw.integers(-1000, 2000, (64, 64)).astype(np.int16)
        ct_file(folder / f"{place}.dcm", STUDY, f"{STUDY}.1", place, pixels, PixelRepresentation=1)


def source(folder: Path, form: str, log: FakeLog | None = None) -> ConvertedSource:
    return ConvertedSource(FolderSource(), form, folder / "converted" / "a-1", log or FakeLog())


def asked(made: ConvertedSource, folder: Path) -> list[UploadFile]:
    return made.images(str(folder), NAMES, "H1")


@pytest.mark.parametrize("form", SYNTAXES)
def test_each_form_has_the_same_pixels_names_and_header(tmp_path: Path, form: str) -> None:
    here = tmp_path / "here"
    images(here)
    before = {one.sop_uid: one for one in FolderSource().images(str(here), NAMES, "H1")}
    for one in asked(source(tmp_path, form), here):
        first, second = pydicom.dcmread(before[one.sop_uid].path), pydicom.dcmread(one.path)
        assert second.file_meta.TransferSyntaxUID == one.transfer_syntax == SYNTAXES[form]
        assert np.array_equal(first.pixel_array, second.pixel_array)
        assert (second.SOPInstanceUID, one.name) == (first.SOPInstanceUID, before[one.sop_uid].name)
        assert one.size == Path(one.path).stat().st_size


def test_asked_again_it_is_the_same_file_and_the_next_hand_over_takes_its_place(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    images(first, 3)
    images(second, 1)
    made = source(tmp_path, "jpegls")
    once, again = asked(made, first), asked(made, first)
    assert once == again
    assert len(asked(made, second)) == 1
    assert len(list((tmp_path / "converted" / "a-1").iterdir())) == 1


def test_what_has_lost_something_already_and_what_is_no_image_go_as_they_are(tmp_path: Path) -> None:
    here = tmp_path / "here"
    images(here)
    lossy = pydicom.dcmread(here / "1.dcm")
    lossy.file_meta.TransferSyntaxUID = JPEG2000
    lossy.PixelData = pydicom.encaps.encapsulate([b"\0" * 64])
    lossy.save_as(here / "1.dcm", enforce_file_format=True)
    bare = pydicom.dcmread(here / "2.dcm")
    del bare.PixelData
    bare.save_as(here / "2.dcm", enforce_file_format=True)
    told = asked(source(tmp_path, "jpegls"), here)
    assert [one.transfer_syntax for one in told] == [JPEG2000, ExplicitVRLittleEndian]
    assert {Path(one.path).parent for one in told} == {here}


def test_an_image_that_cannot_be_converted_goes_as_it_is_and_is_told(tmp_path: Path) -> None:
    here, log = tmp_path / "here", FakeLog()
    images(here)
    damaged = pydicom.dcmread(here / "1.dcm")
    damaged.Rows = 6000
    damaged.save_as(here / "1.dcm", enforce_file_format=True)
    told = asked(source(tmp_path, "jpegls", log), here)
    assert [one.transfer_syntax for one in told] == [ExplicitVRLittleEndian, SYNTAXES["jpegls"]]
    assert "not_converted" in str(log.__dict__)


def test_without_the_codec_no_htj2k_is_written_and_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    images(here, 1)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)  # its import fails, as where it is not installed
    with pytest.raises(ValueError, match="imagecodecs has to be installed"):
        converted(here / "1.dcm", "htj2k")


def test_htj2k_is_not_written_with_another_precision_than_the_images(tmp_path: Path) -> None:
    here, log = tmp_path / "here", FakeLog()
    here.mkdir()
    ct_file(here / "1.dcm", STUDY, f"{STUDY}.1", 1, np.zeros((8, 8), np.uint16), BitsStored=12, HighBit=11)
    told = asked(source(tmp_path, "htj2k", log), here)
    assert [one.transfer_syntax for one in told] == [ExplicitVRLittleEndian]
    assert "bits are all used" in str(log.events)
