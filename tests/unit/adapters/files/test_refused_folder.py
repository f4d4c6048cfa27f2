"""What was refused is kept for some days and up to a size."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pacs_module.adapters.results.inbox import FolderInbox
from pacs_module.adapters.watched_folder.folder import WatchedFolder
from pacs_module.adapters.watched_folder.refused_folder import trim

DAY_S = 86_400.0


def lay(folder: Path, name: str, size: int = 10) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return file


def test_what_is_old_goes_with_its_folder(tmp_path: Path) -> None:
    lay(tmp_path / "refused", "deep/er/a.dcm")
    lay(tmp_path / "refused", "deep/er/a.dcm.why.txt")
    assert trim(tmp_path / "refused", 30 * DAY_S, time.time() + 29 * DAY_S) == 0
    assert trim(tmp_path / "refused", 30 * DAY_S, time.time() + 31 * DAY_S) == 2
    assert list((tmp_path / "refused").iterdir()) == []


def test_what_is_too_much_goes_the_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [lay(tmp_path, f"{number}", 100) for number in range(5)]
    assert trim(tmp_path, DAY_S, time.time(), most_bytes=250) == 3
    assert len([one for one in files if one.exists()]) == 2
    assert trim(tmp_path / "absent", DAY_S, time.time()) == 0


@pytest.mark.parametrize(
    "made",
    [
        lambda folder: WatchedFolder(folder, 0.0, keep=True),
        lambda folder: FolderInbox(folder, 0.0, lambda: time.time() + 40 * DAY_S),
    ],
    ids=["watched", "results"],
)
def test_both_folders_let_refused_files_go(
    tmp_path: Path, made: Callable[[Path], WatchedFolder | FolderInbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path)
    folder.refuse(lay(tmp_path, "bad"), "no DICOM")
    later = time.time() + 40 * DAY_S
    monkeypatch.setattr("pacs_module.adapters.watched_folder.folder.time.time", lambda: later)
    assert folder.trim_refused(30 * DAY_S) == 2
    assert not list(tmp_path.rglob("bad*"))
