"""``[[destination]]`` and ``[upload_cache]``: what is checked at the start, what is hidden, what is made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.upload.cstore import CStoreUploader
from pacs_module.adapters.upload.ftp import FtpUploader
from pacs_module.adapters.upload.http import HttpUploader
from pacs_module.adapters.upload.pacing import Pacer
from pacs_module.adapters.upload.s3 import S3Uploader
from pacs_module.adapters.upload.sftp import SftpUploader
from pacs_module.adapters.upload.stow import StowUploader
from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.study.study import RENDER, ROUTE, WORK, upload_work
from pacs_module.domain.upload.cache_limits import WhenFull
from pacs_module.service.due_limits import longest_pauses
from pacs_module.service.upload.destinations import plan_of, works_of
from pacs_module.service.upload.ways import uploader_of
from pacs_module.settings import Settings, load_settings
from pacs_module.settings.in_force import settings_in_force
from stack.settings_file import as_toml
from tests.fakes.served import settings_file

SECRET = "a-secret-of-the-platform"
HTTP = {"name": "a", "kind": "http", "hospital": "H1", "url": "https://platform.example/in", "token": SECRET}
S3 = {
    "name": "b",
    "kind": "s3",
    "hospital": "H1",
    "bucket": "region",
    "access_key": "id",
    "secret_key": SECRET,
}
SFTP = {
    "name": "c", "kind": "sftp", "hospital": "H1", "host": "h", "username": "u", "password": SECRET,
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP",
}  # fmt: skip
FTP = {"name": "d", "kind": "ftps", "hospital": "H1", "host": "h", "username": "u", "password": SECRET}
STOW = {
    "name": "e",
    "kind": "stow",
    "url": "https://platform.example/dicom-web",
    "username": "u",
    "password": SECRET,
}
CSTORE = {"name": "f", "kind": "cstore", "host": "h", "ae_title": "REGION"}
ALL = (HTTP, S3, SFTP, FTP, STOW, CSTORE)


def load(folder: Path, *destinations: Mapping[str, Any], **more: Any) -> Settings:
    file = settings_file(folder)
    told = as_toml({"destination": list(destinations), **more}) if destinations or more else ""
    file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
    return load_settings(file)


def test_without_any_nothing_changes(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.destination == ()
    assert works_of(settings) == WORK
    assert set(longest_pauses(settings)) == set(WORK)


def test_each_kind_becomes_its_way_and_its_work(tmp_path: Path) -> None:
    settings = load(tmp_path, *ALL)
    made = [type(uploader_of(one, Pacer())) for one in settings.destination]
    assert made == [HttpUploader, S3Uploader, SftpUploader, FtpUploader, StowUploader, CStoreUploader]
    works = [ROUTE, *(upload_work(name) for name in "abcdef")]
    assert works_of(settings) == (*WORK, *works)
    assert set(longest_pauses(settings)) == {*WORK, *works}


def test_the_rule_and_the_plan(tmp_path: Path) -> None:
    told = {**HTTP, "modalities": ["ct "], "priorities": [2, 4], "arrival": "pulled", "order": "newest"}
    plan = plan_of(load(tmp_path, told).destination[0])
    assert (plan.name, plan.kind, plan.hospital, plan.order) == ("a", "http", "H1", "newest")
    assert (plan.rule.modalities, plan.rule.priorities, plan.rule.arrival) == (("CT",), (2, 4), "pulled")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "With-Dash"}, "name"),
        ({"kind": "carrier pigeon"}, "kind"),
        ({"url": "ftp://x"}, "http"),
        ({"path": "../{SOPInstanceUID}"}, "path"),
        ({"path": "{StudyDate}.dcm"}, "path"),
        ({"hospital": ""}, "hospital"),
        ({"hospital": "../H1"}, "hospital"),
        ({"threads": 0}, "threads"),
        ({"priorities": [3]}, "priorities"),
        ({"urll": "x"}, "no such setting"),
    ],
)
def test_what_cannot_be_used_stops_the_start(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        load(tmp_path, {**HTTP, **changed})
    assert SECRET not in str(caught.value)


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a name of its own"):
        load(tmp_path, HTTP, HTTP)


def test_a_server_key_must_look_like_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="host_key"):
        load(tmp_path, {**SFTP, "host_key": "any"})


def test_no_secret_is_shown(tmp_path: Path) -> None:
    shown = settings_in_force(load(tmp_path, *ALL), {})
    assert not [one for one in shown if SECRET in one.value]
    assert [one.value for one in shown if one.key == "destination.b.bucket"] == ["region"]


def test_the_cache(tmp_path: Path) -> None:
    told = {
        "folder": str(tmp_path / "cache"),
        "max_files": 7,
        "max_gb": 0.5,
        "max_age_h": 2,
        "when_full": "drop_oldest",
    }
    settings = load(tmp_path, HTTP, upload_cache=told)
    assert settings.upload_cache is not None
    limits = settings.upload_cache.limits
    assert (limits.files, limits.size, limits.when_full) == (7, 5 * 10**8, WhenFull.DROP_OLDEST)
    assert limits.age is not None
    assert limits.age.total_seconds() == 7200


def test_results_and_their_destination_need_each_other(tmp_path: Path) -> None:
    back = {**CSTORE, "what": "results"}
    for each in "abc":
        (tmp_path / each).mkdir()
    with pytest.raises(ConfigurationError, match="a destination has what"):
        load(tmp_path / "a", back)
    with pytest.raises(ConfigurationError, match="that has what = "):
        load(tmp_path / "b", CSTORE, results={"folder": "/var/lib/aipull/results"})
    settings = load(tmp_path / "c", back, results={"folder": "/var/lib/aipull/results"})
    assert plan_of(settings.destination[0]).for_results
    assert RENDER in works_of(settings)
    assert RENDER in longest_pauses(settings)


def test_what_is_converted_needs_a_folder_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    told = {**CSTORE, "transfer_syntax": "jpegls"}
    with pytest.raises(ConfigurationError, match="transfer_syntax"):
        load(tmp_path / "a", told)
    assert load(tmp_path, told, upload_cache={"folder": "/var/lib/aipull/uploads"}).upload_cache is not None
