"""
What every way to a destination does, at a real server of its protocol (E3).

Not proved here: what real S3, or another platform's FTP server, does otherwise than moto and vsftpd; storage
commitment by an SCP that answers on the association that asked.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.domain.errors import RetriableError, Unreachable
from pacs_module.domain.upload.files import UploadFile
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from tests.chaos.proxy import Mode
from tests.contract import upload_cases
from tests.contract.upload_cases import PROXIED, WAYS, UploadCase, checksum
from tests.support.ct_files import ct_file

STUDY = "1.2.826.0.1.3680043.10.1234.55"
NUMBER = 4


@pytest.fixture(params=WAYS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UploadCase]:
    yield from upload_cases.make(request.param, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> list[UploadFile]:
    for series in ("1", "2"):
        folder = tmp_path / "handover" / series
        folder.mkdir(parents=True)
        for number in range(1, NUMBER // 2 + 1):
            ct_file(folder / f"{number:05d}.dcm", STUDY, f"{STUDY}.{series}", number)
    return FolderSource().images(str(tmp_path / "handover"), StoragePath(DEFAULT), "H1")


def here(files: list[UploadFile]) -> dict[str, str]:
    return {one.sop_uid: checksum(Path(one.path).read_bytes()) for one in files}


def test_what_was_put_is_there_image_exact(case: UploadCase, files: list[UploadFile]) -> None:
    uploader = case.open()
    assert [one.file for one in uploader.missing(files)] == files
    assert case.images() == {}
    assert uploader.put(files) == []
    assert uploader.missing(files) == []
    assert case.images() == here(files)
    assert case.half_seen() == []
    uploader.close()


def test_again_is_the_same(case: UploadCase, files: list[UploadFile]) -> None:
    for _ in range(2):
        uploader = case.open()
        assert uploader.put(files) == []
        assert uploader.missing(files) == []
        uploader.close()
    assert case.images() == here(files)


def test_a_new_worker_is_told_what_is_there_and_what_lacks(case: UploadCase, files: list[UploadFile]) -> None:
    if not case.knows_at_once:
        pytest.skip("without a proof only the worker that sent it knows")
    uploader = case.open()
    uploader.put(files)
    uploader.close()
    case.remove(files[1].name, files[1].sop_uid)
    uploader = case.open()
    assert [(one.file, one.why.split(" ")[0]) for one in uploader.missing(files)] == [(files[1], "not")]
    uploader.put(files[1:2])
    assert uploader.missing(files) == []
    assert case.images() == here(files)
    uploader.close()


def test_what_was_cut_short_there_is_found(case: UploadCase, files: list[UploadFile]) -> None:
    if case.cut is None:
        pytest.skip("its files are its own")
    uploader = case.open()
    uploader.put(files)
    case.cut(files[2].name)
    assert [(one.file, one.why) for one in uploader.missing(files)] == [
        (files[2], f"200 of {files[2].size} bytes")
    ]
    uploader.put(files[2:3])
    assert uploader.missing(files) == []
    uploader.close()


def test_nobody_there(case: UploadCase, files: list[UploadFile]) -> None:
    assert case.closed is not None
    uploader = case.closed()
    with pytest.raises(Unreachable):
        uploader.put(files)
    if case.knows_at_once:
        with pytest.raises(Unreachable):
            uploader.missing(files)
    uploader.close()


def test_a_line_that_breaks_is_retriable_and_the_same_worker_goes_on(
    case: UploadCase, files: list[UploadFile]
) -> None:
    if case.name not in PROXIED or case.proxy is None:
        pytest.skip("has a gate instead: tests/contract/test_upload_habits.py")
    uploader = case.open()
    case.proxy.mode = Mode.HALVE
    with pytest.raises(RetriableError):
        uploader.put(files)
    assert set(case.images().items()) <= set(here(files).items())  # half of one is not seen
    case.proxy.mode = Mode.PASS
    uploader.put(files)
    assert uploader.missing(files) == []
    assert case.images() == here(files)
    uploader.close()
