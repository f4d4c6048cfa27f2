"""Hand-over folders: what counts, and what leads elsewhere (K8). Real files and links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pacs_module.adapters.files.handover_folders import HandoverFolders, regular_files
from pacs_module.domain.json_messages.messages import SeriesFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("one/00001.dcm", "one/00002.dcm", "one/inner/00003.dcm"):
        path = tmp_path / "handover" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"x")
    return tmp_path / "handover"


def test_what_lies_there_is_counted(root: Path) -> None:
    folders = HandoverFolders([root])
    assert folders.count_files([], str(root / "one")) == 3
    assert folders.count_files([SeriesFolder("1", str(root / "one" / "inner"), 1)], str(root / "one")) == 3
    assert folders.count_files([SeriesFolder("1", str(root / "gone"), 1)], str(root / "one")) == 0
    assert folders.count_files([], str(root / "gone")) == 0


def test_k14_a_file_that_a_loss_of_power_left_empty_does_not_count(root: Path) -> None:
    (root / "one" / "00002.dcm").write_bytes(b"")
    assert HandoverFolders([root]).count_files([], str(root / "one")) == 2


def test_the_root_may_itself_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "store_image").symlink_to(root)
    folders = HandoverFolders([tmp_path / "store_image"])
    assert folders.count_files([], str(tmp_path / "store_image" / "one")) == 3


@pytest.mark.parametrize("path", ["", "..", "../outside", ".", "one/../../outside", "/etc", "one/\0"])
def test_what_lies_elsewhere_does_not_count(root: Path, path: str) -> None:
    folders = HandoverFolders([root])
    assert not folders.is_inside(os.path.join(root, path))
    assert folders.count_files([], os.path.join(root, path)) == 0


def test_a_folder_that_is_a_link_to_elsewhere(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root / "loop")
    folders = HandoverFolders([root])
    assert not folders.is_inside(str(root / "link"))
    assert folders.count_files([], str(root / "loop")) == 0
    assert folders.count_files([], str(root / "link")) == 0
    inner = SeriesFolder("1", str(root / "link"), 1)
    assert folders.count_files([inner], str(root / "one")) == 0


def test_links_among_the_files_are_neither_counted_nor_read(root: Path, tmp_path: Path) -> None:
    (root / "one" / "00004.dcm").symlink_to(tmp_path / "outside" / "secret")
    (root / "one" / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "one" / "pipe")
    assert HandoverFolders([root]).count_files([], str(root / "one")) == 3
    assert [path.name for path in regular_files(root / "one")] == ["00001.dcm", "00002.dcm", "00003.dcm"]


def test_a_hard_link_is_a_file(root: Path, tmp_path: Path) -> None:
    os.link(tmp_path / "outside" / "secret", root / "one" / "00004.dcm")
    assert HandoverFolders([root]).count_files([], str(root / "one")) == 4
