"""
Two Orthancs never share a hand-over folder (K14).

Does not prove anything about file systems of the network.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aipull.runtime.folder_lock import FolderLock
from pacs_module.domain.errors import ConfigurationError


def test_k14_a_folder_that_another_orthanc_uses_is_refused_by_name(tmp_path: Path) -> None:
    first = FolderLock(tmp_path, "AIPULL_HANDOVER_FOLDER", 0)
    with pytest.raises(ConfigurationError, match=r"AIPULL_HANDOVER_FOLDER.*that no other Orthanc uses"):
        FolderLock(tmp_path, "AIPULL_HANDOVER_FOLDER", 0)
    first.release()
    FolderLock(tmp_path, "AIPULL_HANDOVER_FOLDER", 0).release()


def test_k14_the_same_folder_by_another_name_is_the_same(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    first = FolderLock(folder, "A", 0)
    with pytest.raises(ConfigurationError):
        FolderLock(link, "A", 0)
    first.release()


def test_k14_a_lock_ends_with_its_process_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), 2); print(flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    with pytest.raises(ConfigurationError):
        FolderLock(tmp_path, "A", 0)
    other.kill()
    other.communicate()
    FolderLock(tmp_path, "A", 0).release()
    assert os.listdir(tmp_path) == []


def test_k14_a_folder_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    FolderLock(tmp_path / "none", "A", 0).release()


def test_k14_a_file_system_without_locks_is_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    FolderLock(tmp_path, "A", 0).release()
