"""Files that are there whole or not at all. Does not prove what a power cut leaves: nothing is synced."""

from pathlib import Path

import pytest

from pacs_module.shared.files import write_whole


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    write_whole(path, "before")
    write_whole(path, "Müller \udc80")
    assert path.read_bytes() == "Müller ".encode() + rb"\udc80"
    assert path.stat().st_mode & 0o137 == 0
    assert [one.name for one in tmp_path.iterdir()] == ["report.txt"]


def test_what_cannot_be_written_leaves_the_former_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "full"
    write_whole(path, "before")
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").touch()
    with pytest.raises(OSError):  # noqa: PT011 - a folder that is not empty
        write_whole(target, "after", draft=tmp_path / "draft")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "full"]
    assert path.read_text() == "before"
