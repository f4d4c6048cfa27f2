from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aipull.runtime.environment import (
    check_access,
    check_ram_disk,
    check_senders,
    filesystem_of,
    read_environment,
    read_orthanc,
)
from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rules.switches import Switches


def variables(tmp_path: Path) -> dict[str, str]:
    return {
        "AIPULL_JOURNAL": str(tmp_path / "disk" / "journal.db"),
        "AIPULL_HANDOVER_FOLDER": str(tmp_path / "handover"),
        "AIPULL_PACS_MODULE_URL": "http://127.0.0.1:7000/",
        "AIPULL_API_KEY": "correct-horse-battery",
        "AIPULL_LOG_FOLDER": str(tmp_path / "logs"),
        "AIPULL_TIME_ZONE": "Asia/Shanghai",
    }


def test_folders_are_made_and_defaults_filled(tmp_path: Path) -> None:
    read = read_environment(variables(tmp_path))
    assert read.journal.parent.is_dir()
    assert read.handover_folder.is_dir()
    assert read.handover_seen_as == str(read.handover_folder)
    assert read.pacs_module_urls == ("http://127.0.0.1:7000",)
    assert read.site_config is None


def test_the_authorities_of_pacs_module_are_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    ours = {"AIPULL_PACS_MODULE_CA": str(tmp_path / "ca.pem")}
    assert read_environment({**variables(tmp_path), **ours}).pacs_module_ca == str(tmp_path / "ca.pem")
    with pytest.raises(ConfigurationError, match="AIPULL_PACS_MODULE_CA"):
        read_environment({**variables(tmp_path), "AIPULL_PACS_MODULE_CA": str(tmp_path / "no.pem")})


def test_pacs_module_may_have_several_addresses(tmp_path: Path) -> None:
    several = {"AIPULL_PACS_MODULE_URL": "http://a:7000/, https://b:7443,http://a:7000"}
    read = read_environment({**variables(tmp_path), **several})
    assert read.pacs_module_urls == ("http://a:7000", "https://b:7443")


@pytest.mark.parametrize(
    "key", ["AIPULL_JOURNAL", "AIPULL_HANDOVER_FOLDER", "AIPULL_API_KEY", "AIPULL_TIME_ZONE"]
)
def test_a_missing_variable_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment({**variables(tmp_path), key: " "})
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("AIPULL_TIME_ZONE", "Beijing"),
        ("AIPULL_PACS_MODULE_URL", "pacs:7000"),
        ("AIPULL_PACS_MODULE_URL", "http://pacs:7000,"),
        ("AIPULL_LOG_FOLDER", "/proc/nothing/here"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment({**variables(tmp_path), key: value})
    assert (caught.value.key, caught.value.value) == (key, value)


@pytest.mark.parametrize("weak", ["changeme", "key", "a" * 30, "blanks in the middle of it"])
def test_a_weak_key_is_refused_and_not_shown(tmp_path: Path, weak: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment({**variables(tmp_path), "AIPULL_API_KEY": weak})
    assert (caught.value.key, caught.value.value) == ("AIPULL_API_KEY", "(not shown)")


def test_a_ram_disk_needs_delete_after_send() -> None:
    keep = replace(Switches(), delete_after_send=False)
    assert filesystem_of(Path("/dev/shm/not/made/yet")) == "tmpfs"
    check_ram_disk(Path("/dev/shm/store"), Switches())
    check_ram_disk(Path("/proc"), keep)
    with pytest.raises(ConfigurationError, match="DELETE_AFTER_SEND"):
        check_ram_disk(Path("/dev/shm/store"), keep)


@pytest.mark.parametrize(
    ("megabytes", "fits"), [(100, False), (256, False), (264, False), (290, True), (0, True)]
)
def test_a_ram_disk_smaller_than_its_reserve_stops_the_start(megabytes: int, fits: bool) -> None:
    """0: a file system that has no size."""
    store = Path("/dev/shm/store")
    if fits:
        check_ram_disk(store, Switches(), megabytes * 1_000_000)
        return
    with pytest.raises(
        ConfigurationError, match=rf"RAM_DISK_RESERVE_MB = 256 .*{megabytes} MB.*RAM_DISK_SIZE"
    ):
        check_ram_disk(store, Switches(), megabytes * 1_000_000)


def test_orthancs_own_defaults_where_it_says_nothing() -> None:
    facts = read_orthanc({"DicomModalities": {"PACS": {}}})
    assert (facts.base_url, facts.aet, facts.modalities) == (
        "http://127.0.0.1:8042",
        "ORTHANC",
        frozenset({"PACS"}),
    )


ACCESS = {"AuthenticationEnabled": True, "RegisteredUsers": {"aipull": "secret"}}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"AuthenticationEnabled": False}, "AuthenticationEnabled"),
        ({"RegisteredUsers": {}}, "RegisteredUsers"),
        ({"RegisteredUsers": {"aipull": ""}}, "RegisteredUsers"),
        ({"RegisteredUsers": {"${ORTHANC_USER}": "secret"}}, "RegisteredUsers.${ORTHANC_USER}"),
        ({"DicomModalities": {"PACS": {"AET": "${HOSPITAL_PACS_AET}"}}}, "DicomModalities.PACS.AET"),
    ],
)
def test_no_start_without_a_password_or_with_a_variable_that_nobody_set(
    change: dict[str, object], key: str
) -> None:
    check_access(ACCESS)
    with pytest.raises(ConfigurationError) as caught:
        check_access({**ACCESS, **change})
    assert caught.value.key == key
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("entry", [{"AET": "P", "Host": "pacs.hospital"}, ["P", "pacs", 104], {"AET": "P"}])
def test_addresses_are_not_checked_against_a_host_name(entry: Any) -> None:
    configuration = {"DicomCheckModalityHost": True, "DicomModalities": {"PACS": entry}}
    with pytest.raises(ConfigurationError, match=r"DicomModalities\.PACS\.Host"):
        check_senders(configuration)
    check_senders({**configuration, "DicomCheckModalityHost": False})
    check_senders({**configuration, "DicomModalities": {"PACS": ["P", "10.1.2.3", 104]}})
