"""
K8: what others put into our folders: odd names, pipes, links, folders without an end. It costs only itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pacs_module.adapters.files.handover_folders import regular_files
from pacs_module.adapters.results.inbox import FolderInbox
from pacs_module.adapters.watched_folder.folder import WatchedFolder
from pacs_module.shared.files import short_name

NAMES = {
    "as long as can be": b"n" * 251 + b".dcm",
    "in three bytes a letter": "胸".encode() * 83 + b".dcm",
    "no text": b"a\xff\xfe.dcm",
    "two lines": b"x\ny.dcm",
    "a blank": b" ",
    "an option": b"-rf",
    "a wildcard": b"*?[a].dcm",
    "quotes": b"'\";$(x)`.dcm",
    "of a reason": b"a.dcm.why.txt",
}
Made = Callable[[Path], WatchedFolder | FolderInbox]
FOLDERS: dict[str, Made] = {
    "watched": lambda folder: WatchedFolder(folder, -5.0, keep=True),
    "results": lambda folder: FolderInbox(folder, -5.0),
}


def lay(folder: Path, name: bytes) -> Path:
    path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))
    path.write_bytes(b"x")
    return path


def waiting(folder: WatchedFolder | FolderInbox) -> list[Path]:
    if isinstance(folder, WatchedFolder):
        return folder.waiting(100)
    folder.whole()
    return folder.whole()


@pytest.mark.parametrize("made", FOLDERS.values(), ids=FOLDERS)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_k08_a_file_of_an_odd_name_is_refused_with_its_reason_and_the_next_is_taken(
    tmp_path: Path, name: bytes, made: Made
) -> None:
    folder, odd, good = made(tmp_path), lay(tmp_path, name), lay(tmp_path, b"good.dcm")
    assert set(waiting(folder)) == {odd, good}
    folder.refuse(odd, "half \ud83d of a reason")
    assert waiting(folder) == [good]
    kept = sorted((tmp_path / "refused").iterdir(), key=lambda one: len(one.name))
    assert len(kept) == 2
    (why,) = [one for one in kept if one.read_bytes() != b"x"]
    assert why.name.endswith(".why.txt")
    assert why.read_text(encoding="utf-8") == "half \\ud83d of a reason\n"


def pipe(place: Path) -> None:
    os.mkfifo(place)


def listener(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))


def link_outside(place: Path) -> None:
    place.symlink_to("/etc/passwd")


def link_to_itself(place: Path) -> None:
    place.symlink_to(place)


@pytest.mark.parametrize("made", FOLDERS.values(), ids=FOLDERS)
@pytest.mark.parametrize("odd", [pipe, listener, link_outside, link_to_itself])
def test_k08_what_is_no_file_is_neither_read_nor_waited_for(
    tmp_path: Path, odd: Callable[[Path], None], made: Made
) -> None:
    odd(tmp_path / "odd.dcm")
    good = lay(tmp_path, b"good.dcm")
    assert waiting(made(tmp_path)) == [good]


def test_k08_a_file_that_may_not_be_read_or_is_sparse_and_huge_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, huge, locked = (
        WatchedFolder(tmp_path, -5.0, False),
        lay(tmp_path, b"huge"),
        lay(tmp_path, b"locked"),
    )
    with huge.open("r+b") as file:
        file.truncate(1 << 40)
    assert folder.read(huge) is None

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert folder.read(locked) is None


def test_k08_folders_thousands_deep_end_nobody(tmp_path: Path) -> None:
    """Deeper than calls may be within one another, and than a path may be long."""
    start = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1_500):
            os.mkdir("d")
            os.chdir("d")
        lay(Path("."), b"deep.dcm")
    finally:
        os.chdir(start)
    lay(tmp_path, b"z.dcm")
    try:
        assert [one.name for one in regular_files(tmp_path)] == ["deep.dcm", "z.dcm"]
    finally:  # pytest cannot remove it: it calls itself
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


@pytest.mark.parametrize(
    ("name", "room", "short"), [("a.dcm", 40, "a.dcm"), ("n" * 300, 55, "n" * 200), ("é" * 200, 5, "é" * 125)]
)
def test_k08_a_name_is_cut_at_its_beginning_in_bytes(name: str, room: int, short: str) -> None:
    assert short_name(name, room) == short
