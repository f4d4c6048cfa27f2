"""Copies of hand-overs without names on a disk: whole or not at all, made once, swept."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pydicom
import pytest

from pacs_module.adapters.files.copies import AnonymousCopies
from pacs_module.adapters.files.handover_folders import HandoverFolders
from pacs_module.adapters.files.reader_process import ReaderProcess
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.json_messages.messages import SeriesFolder
from tests.fakes.pipeline import H1, H2
from tests.support.images.ct_files import ct_file

KEY = b"a secret of the site"
STUDY, SERIES = "1.2.3.4", "1.2.3.4.1"


@pytest.fixture
def series(tmp_path: Path) -> SeriesFolder:
    folder = tmp_path / "store_image" / "4c18cd69"
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        ct_file(folder / f"{number:05d}.dcm", STUDY, SERIES, number)
    return SeriesFolder(SERIES, str(folder), 3)


@pytest.fixture
def copies(tmp_path: Path) -> AnonymousCopies:
    (tmp_path / "copies").mkdir()
    return AnonymousCopies(tmp_path / "copies", KEY)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_has_the_same_images_in_the_same_order_under_pseudonyms(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path
) -> None:
    copied = copies.make(H1, STUDY, [series])
    folder = tmp_path / "copies" / H1
    assert (copied.filepath, copied.number, copied.failed) == (str(folder), 3, ())
    images = [pydicom.dcmread(file) for file in sorted(folder.iterdir())]
    assert [int(image.InstanceNumber) for image in images] == [1, 2, 3]
    assert {(image.StudyInstanceUID, image.SeriesInstanceUID) for image in images} == {
        (copied.study_uid, copied.series[0].series_uid)
    }
    assert HandoverFolders().count_files(copied.series, copied.filepath) == 3
    assert STUDY not in "".join(names(tmp_path / "copies"))
    assert "4c18cd69" not in (tmp_path / "copies" / f"{H1}.manifest.json").read_text()


def test_made_before_a_crash_it_is_found_again_and_not_made_again(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path
) -> None:
    first = copies.make(H1, STUDY, [series])
    for file in Path(series.filepath).iterdir():
        file.unlink()
    assert AnonymousCopies(tmp_path / "copies", KEY).make(H1, STUDY, [series]) == first


@pytest.mark.parametrize("raw", [None, b"", b"{", b"[]"], ids=["gone", "empty", "cut", "a list"])
def test_k08_a_copy_without_a_manifest_that_can_be_read_is_made_anew(
    raw: bytes | None, copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path
) -> None:
    first = copies.make(H1, STUDY, [series])
    manifest = next((tmp_path / "copies").glob(f"{H1}*.json"))
    if raw is None:
        manifest.unlink()
    else:
        manifest.write_bytes(raw)
    assert copies.make(H1, STUDY, [series]) == first


def test_k08_a_disk_that_cannot_be_read_now_takes_no_copy_away(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies.make(H1, STUDY, [series])
    before = names(tmp_path / "copies" / H1)

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "read_bytes", fail)
        with pytest.raises(RetriableError, match="Input/output error"):
            copies.make(H1, STUDY, [series])
    assert names(tmp_path / "copies" / H1) == before


def test_a_crash_half_way_leaves_no_folder_under_the_name(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def fills_up(reader: ReaderProcess, do: str, source: Path, target: Path) -> dict[str, Any]:
        written.append(target)
        assert not (tmp_path / "copies" / H1).exists()
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        Path(target).write_bytes(b"DICM")
        return {"removed": []}

    with monkeypatch.context() as patched:
        patched.setattr(ReaderProcess, "ask", fills_up)
        with pytest.raises(RetriableError, match="No space left"):
            copies.make(H1, STUDY, [series])
    assert names(tmp_path / "copies") == []
    assert copies.make(H1, STUDY, [series]).number == 3


def test_a_damaged_file_costs_only_itself(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path
) -> None:
    (Path(series.filepath) / "00002.dcm").write_bytes(b"no DICOM at all")
    copied = copies.make(H1, STUDY, [series])
    assert copied.number == 2
    assert [failed.split(":")[0] for failed in copied.failed] == ["00002.dcm"]
    assert names(tmp_path / "copies" / H1) == ["00001.dcm", "00003.dcm"]


def test_several_series_have_sub_folders_that_are_called_by_number(
    copies: AnonymousCopies, series: SeriesFolder
) -> None:
    copied = copies.make(H1, STUDY, [series, SeriesFolder("1.2.3.4.2", series.filepath, 3)])
    assert [Path(one.filepath).name for one in copied.series] == ["1", "2"]


def test_gone_files_give_an_empty_copy(copies: AnonymousCopies) -> None:
    copied = copies.make(H1, STUDY, [SeriesFolder(SERIES, "/nowhere/at/all", 3)])
    assert (copied.number, copied.failed) == (0, ())


def test_removing_and_sweeping(copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path) -> None:
    for name in (H1, H2):
        copies.make(name, STUDY, [series])
    for _ in range(2):
        copies.remove(H1)
    copies.remove("../store_image")
    assert names(tmp_path / "copies") == [H2, f"{H2}.manifest.json"]
    assert Path(series.filepath).exists()
    assert copies.sweep(lambda name: False, lambda name: False) == [H2]
    assert names(tmp_path / "copies") == []


def test_half_copies_that_nobody_makes_are_swept(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    for name in ("dead", "living", "gone-let-go"):
        (folder / f".tmp-{name}").mkdir()
    for name in (".tmp-dead.manifest.json", "dead.manifest.json"):
        (folder / name).touch()
    assert copies.sweep(lambda name: False, lambda name: name == "living") == ["dead"]
    assert names(folder) == [".tmp-living"]


def test_files_that_go_in_the_middle_are_lacking_and_not_damaged(
    copies: AnonymousCopies, series: SeriesFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ReaderProcess.ask

    def emptied(reader: ReaderProcess, do: str, source: Path, target: Path) -> dict[str, Any]:
        answer = ask(reader, do, source, target)
        for file in Path(series.filepath).iterdir():
            file.unlink()
        return answer

    monkeypatch.setattr(ReaderProcess, "ask", emptied)
    copied = copies.make(H1, STUDY, [series])
    assert (copied.number, copied.failed) == (
        1,
        (),
    )  # the delivery counts one of three, and has them pulled again
