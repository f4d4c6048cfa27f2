"""The archive: what is decoded from it is what was computed, pixel by pixel."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless

from pacs_module.adapters.files.archive import CompressedArchive
from pacs_module.adapters.files.reader_process import ReaderProcess
from pacs_module.domain.errors import RetriableError
from tests.fakes.pipeline import H1
from tests.support.images.ct_files import ct_file

REAL = Path(__file__).resolve().parents[4].parent / "shared" / "data"
TODAY = date(2026, 11, 26)


@pytest.fixture
def archive(tmp_path: Path) -> CompressedArchive:
    return CompressedArchive(tmp_path / "archive", keep_days=30)


def same_pixels(before: Path, after: Path) -> bool:
    first, second = pydicom.dcmread(before).pixel_array, pydicom.dcmread(after).pixel_array
    return first.dtype == second.dtype and bool(np.array_equal(first, second))


@pytest.mark.parametrize(
    "pixels",
    [
        {"BitsStored": 12, "PixelRepresentation": 0, "values": (0, 4096)},
        {"BitsStored": 16, "PixelRepresentation": 0, "values": (0, 65536)},
        {"BitsStored": 16, "PixelRepresentation": 1, "values": (-32768, 32768)},
        {"BitsStored": 12, "PixelRepresentation": 1, "values": (-2048, 2048)},
    ],
)
def test_what_comes_out_is_what_went_in(
    archive: CompressedArchive, tmp_path: Path, pixels: dict[str, Any]
) -> None:
    source = tmp_path / "series"
    source.mkdir()
    low, high = pixels.pop("values")
    kind = np.int16 if pixels["PixelRepresentation"] else np.uint16
    noise = np.random.default_rng(1).integers(low, high, (64, 64)).astype(kind)
    noise[:32] = low  # smooth parts too
    ct_file(source / "00001.dcm", "1.2", "1.2.1", 1, pixels=noise, HighBit=pixels["BitsStored"] - 1, **pixels)
    kept = archive.store(H1, source, TODAY)
    written = Path(kept.folder) / "00001.dcm"
    assert written.parent == tmp_path / "archive" / "2026-11-26" / H1
    assert same_pixels(source / "00001.dcm", written)
    assert pydicom.dcmread(written).file_meta.TransferSyntaxUID == JPEGLSLossless
    first, second = pydicom.dcmread(source / "00001.dcm"), pydicom.dcmread(written)
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert kept.bytes_after < kept.bytes_before


def test_what_no_codec_takes_is_kept_byte_by_byte(archive: CompressedArchive, tmp_path: Path) -> None:
    source = tmp_path / "series"
    (source / "1").mkdir(parents=True)
    (source / "00001.dcm").write_bytes(b"no DICOM at all")
    ct_file(source / "1" / "00002.dcm", "1.2", "1.2.1", 1, PixelData=None)
    ct_file(source / "00003.dcm", "1.2", "1.2.1", 1, Rows=9999)  # says more than it has
    kept = Path(archive.store(H1, source, TODAY).folder)
    for name in ("00001.dcm", "1/00002.dcm", "00003.dcm"):
        assert (kept / name).read_bytes() == (source / name).read_bytes()


def test_it_is_there_whole_or_not_at_all_and_once(
    archive: CompressedArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "series"
    source.mkdir()
    ct_file(source / "00001.dcm", "1.2", "1.2.1", 1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ReaderProcess, "ask", full)
        with pytest.raises(RetriableError, match="No space left"):
            archive.store(H1, source, TODAY)
    assert list((tmp_path / "archive").rglob("*.dcm")) == []
    first = archive.store(H1, source, TODAY)
    assert archive.store(H1, source, date(2026, 11, 27)) == first
    assert archive.sweep(date(2026, 12, 26), nobody) == []
    assert archive.sweep(date(2026, 12, 27), nobody) == ["2026-11-26"]
    assert list((tmp_path / "archive").iterdir()) == []


def nobody(handover_id: str) -> bool:
    return False


def test_a_half_hand_over_that_nobody_goes_on_with_is_swept(
    archive: CompressedArchive, tmp_path: Path
) -> None:
    for name in ("dead", "living"):
        (tmp_path / "archive" / f".tmp-{name}").mkdir(parents=True)
    assert archive.sweep(TODAY, lambda handover_id: handover_id == "living") == []
    assert [path.name for path in (tmp_path / "archive").iterdir()] == [".tmp-living"]


@pytest.mark.skipif(not REAL.exists(), reason="the real study is not here")
def test_the_real_study_pixel_by_pixel(archive: CompressedArchive, tmp_path: Path) -> None:
    source = tmp_path / "series"
    source.mkdir()
    images = sorted(path for path in REAL.rglob("*") if path.is_file() and pydicom.misc.is_dicom(path))
    for number, file in enumerate(images[::12]):
        (source / f"{number:05d}.dcm").write_bytes(file.read_bytes())
    kept = archive.store(H1, source, TODAY)
    assert kept.files == len(list(source.iterdir())) > 5
    assert all(same_pixels(file, Path(kept.folder) / file.name) for file in source.iterdir())
    assert kept.bytes_after * 2 < kept.bytes_before
