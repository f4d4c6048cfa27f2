"""The RAM disk: messages and clearing up. A mount is only tried where root may mount."""

import json
import os
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.ram_disk import filesystem_of, make_ram_disk, remove_noted

SHARED_MEMORY = Path("/dev/shm")
MIB = 1024**2


@pytest.mark.parametrize("wanted", [None, SHARED_MEMORY])
def test_too_small_a_ram_disk_is_one_line(tmp_path: Path, wanted: Path | None) -> None:
    with pytest.raises(StackError, match=r"^too small a RAM disk: 1048576\.0 GiB needed, .+ GiB") as caught:
        make_ram_disk(tmp_path, wanted, 1024**5)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_on_a_disk_is_refused(tmp_path: Path) -> None:
    if filesystem_of(tmp_path) == "tmpfs":
        pytest.skip("the folder for temporary files is a tmpfs here")
    with pytest.raises(StackError, match="not a tmpfs"):
        make_ram_disk(tmp_path, tmp_path, MIB)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="there is no such folder"):
        make_ram_disk(tmp_path, tmp_path / "absent", MIB)


@pytest.mark.parametrize("wanted", [None, SHARED_MEMORY])
def test_it_is_a_private_tmpfs_and_is_given_back(tmp_path: Path, wanted: Path | None) -> None:
    disk = make_ram_disk(tmp_path, wanted, MIB)
    try:
        assert filesystem_of(disk.path) == "tmpfs"
        assert disk.path.stat().st_mode & 0o077 == 0
        (disk.path / "file").write_bytes(b"x")
    finally:
        remove_noted(tmp_path)
    assert not disk.path.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_mount_of_our_own_is_given_back_even_when_a_file_in_it_is_open(tmp_path: Path) -> None:
    disk = make_ram_disk(tmp_path, None, MIB)
    with (disk.path / "file").open("wb"):
        remove_noted(tmp_path)
        assert not disk.path.exists()


def test_a_mount_of_our_own_has_a_hard_size(tmp_path: Path) -> None:
    disk = make_ram_disk(tmp_path, None, MIB)
    try:
        if not disk.mounted:
            pytest.skip("no right to mount here")
        with pytest.raises(OSError, match="No space left"):
            (disk.path / "file").write_bytes(b"x" * 2 * MIB)
    finally:
        remove_noted(tmp_path)


def test_what_was_made_is_noted_for_the_guard(tmp_path: Path) -> None:
    disk = make_ram_disk(tmp_path, SHARED_MEMORY, MIB)
    note = tmp_path / "ram-disk.json"
    assert json.loads(note.read_text()) == {"path": str(disk.path), "mounted": False}
    assert os.stat(note).st_mode & 0o777 == 0o600
    remove_noted(tmp_path)
