"""A picture of each series for a platform that wants one, and nothing else is lost when it cannot be drawn."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.adapters.upload.preview_source import PreviewSource
from pacs_module.domain.upload.files import UploadFile
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from tests.fakes.world import FakeLog
from tests.support.images.ct_files import ct_file

STUDY = "1.2.3.4"


def images(folder: Path, series: str, number: int = 3, **changed: object) -> None:
    ramp = np.tile(np.linspace(0, 4000, 300, dtype=np.uint16), (200, 1))
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(1, number + 1):
        ct_file(folder / f"{series}-{place}.dcm", STUDY, f"{STUDY}.{series}", place, ramp, **changed)


def asked(tmp_path: Path, form: str = "png", log: FakeLog | None = None) -> list[UploadFile]:
    made = PreviewSource(FolderSource(), form, 64, tmp_path / "previews", log or FakeLog())
    once = made.images(str(tmp_path / "here"), StoragePath(DEFAULT), "H1")
    assert made.images(str(tmp_path / "here"), StoragePath(DEFAULT), "H1") == once
    return once


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_each_series_has_one_beside_its_middle_image(tmp_path: Path, form: str) -> None:
    for series in ("1", "2"):
        images(tmp_path / "here", series)
    pictures = [one for one in asked(tmp_path, form) if one.name.endswith(form)]
    assert [one.name.rpartition("/")[2] for one in pictures] == [
        f"{one.sop_uid}.dcm.{form}" for one in pictures
    ]
    assert [one.sop_uid.rpartition(".")[2] for one in pictures] == ["2", "2"]
    picture = Image.open(pictures[0].path)
    assert (max(picture.size), picture.mode, picture.info.get("exif")) == (64, "L", None)
    grey = np.asarray(picture)
    assert grey[:, :3].mean() < 10 < 240 < grey[:, -3:].mean()


def test_monochrome1_is_shown_as_it_is_meant(tmp_path: Path) -> None:
    images(tmp_path / "here", "1", PhotometricInterpretation="MONOCHROME1")
    grey = np.asarray(Image.open(asked(tmp_path)[-1].path))
    assert grey[:, :3].mean() > 240


def test_one_without_pixels_and_a_damaged_one_go_without(tmp_path: Path) -> None:
    log = FakeLog()
    images(tmp_path / "here", "1")
    bare = pydicom.dcmread(tmp_path / "here" / "1-2.dcm")
    bare.Rows = 9999
    bare.save_as(tmp_path / "here" / "1-2.dcm", enforce_file_format=True)
    told = asked(tmp_path, log=log)
    assert [one.name.rpartition(".")[2] for one in told] == ["dcm"] * 3
    assert log.keys == ["no_preview"]
