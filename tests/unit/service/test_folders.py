"""
The folders of copies and archive: off by default, and a folder that cannot be used stops the start by its
name.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacs_module.adapters.machine import SystemClock
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.errors import ConfigurationError
from pacs_module.service.folders import open_archive, open_copies
from pacs_module.settings import Settings, load_settings
from pacs_module.shared.logs import ContractLog
from tests.fakes.served import settings_file

CLOCK = SystemClock(ZoneInfo("Asia/Shanghai"))


def settings(tmp_path: Path, more: str = "") -> Settings:
    file = settings_file(tmp_path)
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    return load_settings(file, {})


def test_both_are_off_by_default(tmp_path: Path) -> None:
    told, log = settings(tmp_path), ContractLog(tmp_path, "dcm_end")
    assert open_copies(told) is None
    assert open_archive(told, MemoryStore(), CLOCK, log) is None


def test_folders_are_made(tmp_path: Path) -> None:
    more = (
        f'\n[anonymise]\nfolder = "{tmp_path}/copies"\nkey = "sixteen letters!"\n[archive]\nfolder = '
        f'"{tmp_path}/archive"\n'
    )
    told, log = settings(tmp_path, more), ContractLog(tmp_path, "dcm_end")
    assert open_copies(told) is not None
    assert open_archive(told, MemoryStore(), CLOCK, log) is not None
    assert (tmp_path / "archive").is_dir()
    assert (tmp_path / "copies").is_dir()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    more = f'\n[archive]\nfolder = "{tmp_path}/file/archive"\n'
    with pytest.raises(ConfigurationError, match=r"archive\.folder"):
        open_archive(settings(tmp_path, more), MemoryStore(), CLOCK, ContractLog(tmp_path, "dcm_end"))


@pytest.mark.parametrize("key", ["", "short"])
def test_a_key_that_is_too_short_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"anonymise\.key") as caught:
        settings(tmp_path, f'\n[anonymise]\nfolder = "{tmp_path}"\nkey = "{key}"\n')
    assert caught.value.value == "(not shown)"
