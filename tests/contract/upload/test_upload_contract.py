"""
What every way to a destination does, at a real server of its protocol (E3).

Not proved here: what real S3, or another platform's FTP server, does otherwise than moto and vsftpd; storage
commitment by an SCP that answers on the association that asked.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.domain.errors import RetriableError, Unreachable
from pacs_module.domain.upload.files import ImagePlace, UploadFile
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from tests.chaos.rig.proxy import Mode
from tests.contract.upload import upload_cases
from tests.contract.upload.upload_cases import PROXIED, WAYS, UploadCase, checksum
from tests.support.images.ct_files import ct_file

STUDIES = (f"1.2.826.0.1.3680043.10.1234.55.{number}" for number in count(1))
NUMBER = 4


@pytest.fixture(scope="module", params=WAYS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadCase]:
    """One platform of each kind; a study of its own for each test."""
    yield from upload_cases.make(request.param, tmp_path_factory.mktemp("platform"))


@pytest.fixture
def files(tmp_path: Path) -> list[UploadFile]:
    study = next(STUDIES)
    for series in ("1", "2"):
        folder = tmp_path / "handover" / series
        folder.mkdir(parents=True)
        for number in range(1, NUMBER // 2 + 1):
            ct_file(folder / f"{number:05d}.dcm", study, f"{study}.{series}", number)
    return FolderSource().images(str(tmp_path / "handover"), StoragePath(DEFAULT), "H1")


def here(files: list[UploadFile]) -> dict[str, str]:
    return {one.sop_uid: checksum(Path(one.path).read_bytes()) for one in files}


def shown(case: UploadCase, files: list[UploadFile]) -> dict[str, str]:
    """What the platform has of the test's study."""
    study = files[0].sop_uid.rsplit(".", 2)[0]
    return {uid: told for uid, told in case.images().items() if uid.startswith(f"{study}.")}


def test_what_was_put_is_there_image_exact(case: UploadCase, files: list[UploadFile]) -> None:
    uploader = case.open()
    assert [one.file for one in uploader.missing(files)] == files
    assert shown(case, files) == {}
    assert uploader.put(files) == []
    assert uploader.missing(files) == []
    assert shown(case, files) == here(files)
    assert case.half_seen() == []
    uploader.close()


def test_again_is_the_same(case: UploadCase, files: list[UploadFile]) -> None:
    for _ in range(2):
        uploader = case.open()
        assert uploader.put(files) == []
        assert uploader.missing(files) == []
        uploader.close()
    assert shown(case, files) == here(files)


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
    assert shown(case, files) == here(files)
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


def test_its_own_list_shows_what_is_there(case: UploadCase, files: list[UploadFile]) -> None:
    uploader = case.open()
    study = files[0].study_uid
    folders = tuple(sorted({one.name.rpartition("/")[0] for one in files}))
    series = tuple(sorted({one.series_uid for one in files}))
    place = ImagePlace(study, series, folders, StoragePath(DEFAULT))
    before = uploader.list_images(place)
    uploader.put(files)
    if before is None:
        assert case.name == "cstore-status"
        assert uploader.list_images(place) is None
        return
    assert before == frozenset()
    assert uploader.list_images(place) == frozenset(one.sop_uid for one in files)
    case.remove(files[1].name, files[1].sop_uid)
    rest = frozenset(one.sop_uid for one in files if one is not files[1])
    assert uploader.list_images(place) == rest
    uploader.close()


def test_nobody_there(case: UploadCase, files: list[UploadFile]) -> None:
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
        pytest.skip("has a gate instead: tests/contract/upload/test_upload_habits.py")
    uploader = case.open()
    case.proxy.mode = Mode.HALVE
    with pytest.raises(RetriableError):
        uploader.put(files)
    assert set(shown(case, files).items()) <= set(here(files).items())  # half of one is not seen
    case.proxy.mode = Mode.PASS
    uploader.put(files)
    assert uploader.missing(files) == []
    assert shown(case, files) == here(files)
    uploader.close()
