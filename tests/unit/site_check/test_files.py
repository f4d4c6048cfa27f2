"""The files that .env names."""

import shutil
from pathlib import Path

import pytest

from site_check.files import check_files
from site_check.finding import Finding, Level

REPOSITORY = Path(__file__).resolve().parents[3]
DEFAULTS = {"SITE_CONFIG_FILE": "site.py", "PACS_SETTINGS_FILE": "pacs.toml", "PROFILES_FOLDER": "profiles"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "orthanc" / "config").mkdir(parents=True)
    shutil.copy(REPOSITORY / "orthanc" / "config" / "config.py", tmp_path / "orthanc" / "config")
    for name in ("site.py", "pacs.toml"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o644)
    (tmp_path / "profiles").mkdir()
    return tmp_path


def errors(root: Path, **values: str) -> list[Finding]:
    return [found for found in check_files(root, values, DEFAULTS) if found.level == Level.ERROR]


def test_files_as_they_are_shipped(root: Path) -> None:
    assert errors(root, RAM_DISK_SIZE="8g") == []


def test_a_missing_file_and_a_folder_in_its_place(root: Path) -> None:
    (root / "site.py").unlink()
    assert [found.name for found in errors(root)] == ["SITE_CONFIG_FILE"]
    (root / "site.py").mkdir()
    (found,) = errors(root)
    assert "Docker made" in found.words


def test_a_switch_that_is_unknown_or_has_a_bad_value(root: Path) -> None:
    (root / "site.py").write_text("KEYWORDZ = ['CHEST']\n")
    (found,) = errors(root)
    assert (found.value, "KEYWORDZ" in found.words) == ("site.py", True)
    (root / "site.py").write_text("RAM_DISK_RESERVE_MB = 'much'\n")
    (found,) = errors(root)
    assert "RAM_DISK_RESERVE_MB" in found.words
    assert "much" in found.words


def test_settings_that_are_no_toml_name_the_line(root: Path) -> None:
    (root / "pacs.toml").write_text("find_interval_s = \n")
    (found,) = errors(root)
    assert (found.name, "line 1" in found.words) == ("PACS_SETTINGS_FILE", True)
    (root / "pacs.toml").write_bytes(b"a = '\xff'")
    assert [found.name for found in errors(root)] == ["PACS_SETTINGS_FILE"]


@pytest.mark.parametrize(
    ("seconds", "wrong"), [("1500", []), ("1800.0", ["result_timeout_s"]), ("7200", ["result_timeout_s"])]
)
def test_a_result_may_not_take_longer_than_rabbitmq_waits(root: Path, seconds: str, wrong: list[str]) -> None:
    (root / "docker" / "rabbitmq").mkdir(parents=True)
    shutil.copy(REPOSITORY / "docker/rabbitmq/20-aipull.conf", root / "docker/rabbitmq")
    (root / "pacs.toml").write_text(f"[backend]\nresult_timeout_s = {seconds}\n")
    assert [found.name for found in errors(root)] == wrong


def test_a_file_that_the_containers_cannot_read(root: Path) -> None:
    (root / "pacs.toml").chmod(0o600)
    (found,) = errors(root)
    assert (found.name, "10001" in found.words) == ("PACS_SETTINGS_FILE", True)


def test_a_folder_of_profiles_that_is_not_there(root: Path) -> None:
    (root / "profiles").rmdir()
    assert [found.name for found in errors(root)] == ["PROFILES_FOLDER"]


@pytest.mark.parametrize(("size", "wrong"), [("264m", True), ("265m", False), ("8g", False)])
def test_a_ram_disk_no_larger_than_its_reserve_and_index(root: Path, size: str, wrong: bool) -> None:
    assert [found.name for found in errors(root, RAM_DISK_SIZE=size)] == (["RAM_DISK_SIZE"] if wrong else [])
