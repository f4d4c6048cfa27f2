from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from aipull.hand_over import folder as folder_module
from aipull.hand_over import last_check
from aipull.hand_over.folder import HandoverFolder, ToExport
from aipull.server.orthanc_client import InstanceHere
from aipull.server.stored_file import StoredFiles
from pacs_module.adapters.files.handover_folders import HandoverFolders
from pacs_module.domain.errors import RetriableError
from tests.fakes.orthanc_store import FakeStore, name_of


@pytest.fixture
def store(tmp_path: Path) -> FakeStore:
    made = FakeStore(tmp_path / "store")
    made.add("1.2", "1.2.1", 3)
    return made


@pytest.fixture
def folder(tmp_path: Path, store: FakeStore) -> HandoverFolder:
    (tmp_path / "handover").mkdir()
    return HandoverFolder(tmp_path / "handover", "/store_image", store.folder, store)


@pytest.fixture
def series(store: FakeStore) -> ToExport:
    return to_export(store, "1.2.1")


def to_export(store: FakeStore, uid: str) -> ToExport:
    images = tuple(store.instances_of(f"P1-{uid}"))
    return ToExport(uid, f"P1-{uid}", images, "1.2", {one.orthanc_id: "P1" for one in images})


def test_files_are_hard_links_in_the_order_of_the_images(
    series: ToExport, tmp_path: Path, folder: HandoverFolder
) -> None:
    exported = folder.export("name", [series], subfolders=False)
    files = sorted((tmp_path / "handover" / "name").iterdir())
    assert [file.name for file in files] == ["00001.dcm", "00002.dcm", "00003.dcm"]
    assert [name_of(file) for file in files] == ["P1-1.2.1-1", "P1-1.2.1-2", "P1-1.2.1-3"]
    assert {file.stat().st_nlink for file in files} == {2}
    assert (exported.filepath, exported.linked, exported.copied) == ("/store_image/name", 3, 0)
    assert exported.series[0].filepath == "/store_image/name"


def test_sub_folders_for_dx(series: ToExport, folder: HandoverFolder, store: FakeStore) -> None:
    store.add("1.2", "1.2.2", 1)
    exported = folder.export("name", [series, to_export(store, "1.2.2")], subfolders=True)
    assert [one.filepath for one in exported.series] == [
        "/store_image/name/P1-1.2.1",
        "/store_image/name/P1-1.2.2",
    ]
    assert exported.filepath == "/store_image/name"


def test_copies_where_links_cross_mounts(
    series: ToExport, folder: HandoverFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def crosses(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", crosses)
    assert folder.export("name", [series], subfolders=False).copied == 3
    assert (tmp_path / "handover" / "name" / "00001.dcm").read_bytes().startswith(b"P1-1.2.1-1\0")


def test_a_compressed_store_is_never_linked(
    series: ToExport, tmp_path: Path, folder: HandoverFolder, store: FakeStore
) -> None:
    compressed = HandoverFolder(tmp_path / "handover", "/x", None, store)
    assert compressed.export("name", [series], subfolders=False).linked == 0


def test_a_series_that_shrank_is_not_handed_over(
    series: ToExport, folder: HandoverFolder, store: FakeStore, tmp_path: Path
) -> None:
    store.stored("P1-1.2.1-3").unlink()
    with pytest.raises(RetriableError):
        folder.export("name", [series], subfolders=False)
    assert not (tmp_path / "handover" / "name").exists()


@pytest.mark.parametrize("linked", [True, False])
def test_an_image_that_is_not_whole_in_the_store_is_not_handed_over(
    series: ToExport, folder: HandoverFolder, store: FakeStore, tmp_path: Path, linked: bool
) -> None:
    """What Orthanc keeps of small images while the disk is full, and says success."""
    store.stored("P1-1.2.1-2").write_text("")
    tried = folder if linked else HandoverFolder(tmp_path / "handover", "/x", None, store)
    with pytest.raises(RetriableError, match="not whole"):
        tried.export("name", [series], subfolders=False)
    assert not (tmp_path / "handover" / "name").exists()


def test_which_images_are_not_whole(folder: HandoverFolder, store: FakeStore) -> None:
    assert folder.broken(["P1-1.2.1"]) == []
    store.stored("P1-1.2.1-2").write_text("P1")
    store.stored("P1-1.2.1-3").unlink()
    assert folder.broken(["P1-1.2.1"]) == ["P1-1.2.1-2", "P1-1.2.1-3"]


def test_an_image_that_is_replaced_in_this_moment_is_not_broken(
    folder: HandoverFolder, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its former file is gone, and its id in Orthanc is the new one's: to delete by it would lose the image.
    """
    ask, asked = store.instances_of, []

    def replaced(series_id: str) -> list[InstanceHere]:
        asked.append(series_id)
        found = ask(series_id)
        return [replace(found[0], file="00000000-gone"), *found[1:]] if len(asked) == 1 else found

    monkeypatch.setattr(store, "instances_of", replaced)
    assert folder.broken(["P1-1.2.1"]) == []
    assert len(asked) == 2


def test_leftovers_are_swept_and_replaced(series: ToExport, folder: HandoverFolder, tmp_path: Path) -> None:
    for name in (".tmp-name", "name", "kept"):
        (tmp_path / "handover" / name).mkdir()
        (tmp_path / "handover" / name / "old").touch()
    folder.export("name", [series], subfolders=False)
    assert not (tmp_path / "handover" / "name" / "old").exists()
    assert folder.sweep(["kept"]) == ["name"]
    assert folder.exists("kept")


@pytest.mark.parametrize("name", ["", ".", "..", "../store", "/etc", "a/b"])
def test_nothing_outside_the_folder_is_removed(
    folder: HandoverFolder, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.remove(name)
    assert (tmp_path / "store").is_dir()
    assert not folder.exists(name)


def test_the_manifest_says_what_is_in_the_folder_and_lies_beside_it(
    series: ToExport, tmp_path: Path, store: FakeStore
) -> None:
    (tmp_path / "handover").mkdir()
    folder = HandoverFolder(tmp_path / "handover", "/store_image", store.folder, store, checksums=True)
    exported = folder.export("name", [series], subfolders=False, about={"completeness": "COMPLETE"})
    manifest = json.loads((tmp_path / "handover" / "name.manifest.json").read_text(encoding="utf-8"))
    (told,) = manifest["series"]
    assert (manifest["completeness"], told["seriesUID"], told["numberOfFiles"]) == ("COMPLETE", "1.2.1", 3)
    files = sorted((tmp_path / "handover" / "name").iterdir())
    assert [entry["name"] for entry in told["files"]] == [file.name for file in files]
    assert [entry["sha256"] for entry in told["files"]] == [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    ]
    assert exported.size == sum(file.stat().st_size for file in files)
    assert HandoverFolders().count_files([], str(tmp_path / "handover" / "name")) == 3
    folder.remove("name")
    assert list((tmp_path / "handover").iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(
    series: ToExport, folder: HandoverFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RetriableError, match="No space left"):
        folder.export("name", [series], subfolders=False)
    assert list((tmp_path / "handover").iterdir()) == []


def test_on_a_full_disk_links_go_out_without_a_manifest(
    series: ToExport, folder: HandoverFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aipull.hand_over.folder.write_whole", full)
    assert folder.export("name", [series], subfolders=False).linked == 3
    assert [path.name for path in (tmp_path / "handover").iterdir()] == ["name"]


def test_no_reader_ever_sees_half_a_hand_over(
    folder: HandoverFolder, store: FakeStore, tmp_path: Path
) -> None:
    store.add("1.2", "1.2.9", 40)
    series = to_export(store, "1.2.9")
    seen: set[int] = set()
    done = threading.Event()

    def look() -> int:
        """The folder's files, if it still has its name when they are read: what has lost it is going."""
        try:
            opened = os.open(tmp_path / "handover" / "name", os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            files = len(os.listdir(opened))
            return files if os.path.samestat(os.fstat(opened), os.stat(tmp_path / "handover" / "name")) else 0
        except FileNotFoundError:
            return 0
        finally:
            os.close(opened)

    def read() -> None:
        while not done.is_set():
            seen.add(look())

    reader = threading.Thread(target=read)
    reader.start()
    rounds = 0
    try:
        while rounds < 20 or (40 not in seen and rounds < 5000):
            folder.export("name", [series], subfolders=False)
            folder.export("name", [series], subfolders=False)  # over one that was never journaled
            folder.remove("name")
            rounds += 1
    finally:
        done.set()
        reader.join()
    assert seen == {0, 40}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files of the hand-over that were read by the last check."""
    found: list[str] = []
    read = last_check.wrong

    def noted(file: str, identity: last_check.Identity) -> str:
        found.append(Path(file).name)
        return read(file, identity)

    monkeypatch.setattr(folder_module, "wrong", noted)
    return found


def looked_at(store: FakeStore, series: ToExport) -> StoredFiles:
    files = StoredFiles(store.folder, store)
    for image in series.images:
        files.is_poison(image)
    return files


def test_a_file_that_was_looked_at_when_it_came_is_not_read_again(
    series: ToExport, store: FakeStore, tmp_path: Path, folder: HandoverFolder, reads: list[str]
) -> None:
    files = looked_at(store, series)
    made = HandoverFolder(tmp_path / "handover", "/x", store.folder, store, files=files)
    assert made.export("name", [series], subfolders=False).linked == 3
    assert reads == []


def test_a_file_that_has_changed_since_it_was_looked_at_is_read_again(
    series: ToExport, store: FakeStore, tmp_path: Path, folder: HandoverFolder, reads: list[str]
) -> None:
    files = looked_at(store, series)
    other = store.stored("P1-1.2.1-2")
    content = other.read_bytes()
    other.write_bytes(content.replace(b"1.2.1-2", b"1.2.1-9"))
    os.utime(other, ns=(0, other.stat().st_mtime_ns + 1))
    made = HandoverFolder(tmp_path / "handover", "/x", store.folder, store, files=files)
    with pytest.raises(RetriableError, match="not the images"):
        made.export("name", [series], subfolders=False)
    assert reads == ["00002.dcm"]


def test_what_a_file_said_when_it_came_is_compared_with_the_message(
    series: ToExport, store: FakeStore, tmp_path: Path, folder: HandoverFolder
) -> None:
    files = looked_at(store, series)
    made = HandoverFolder(tmp_path / "handover", "/x", store.folder, store, files=files)
    stranger = replace(series, patients={image.orthanc_id: "P2" for image in series.images})
    with pytest.raises(RetriableError, match="3 files are not the images"):
        made.export("name", [stranger], subfolders=False)
