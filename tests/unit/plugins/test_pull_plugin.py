"""The entry script under a strict stand-in for the SDK: validates first, registers last."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.domain.errors import ConfigurationError
from tests.fakes.orthanc_module import FakeOrthanc, FakeOutput


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOrthanc]:
    access = {"AuthenticationEnabled": True, "RegisteredUsers": {"u": "p"}}
    store = str(tmp_path / "store")
    fake = FakeOrthanc({**access, "HttpPort": 1, "StorageDirectory": store, "DicomModalities": {"PACS": {}}})
    (tmp_path / "store").mkdir()
    for key, value in {
        "AIPULL_JOURNAL": str(tmp_path / "journal.db"),
        "AIPULL_HANDOVER_FOLDER": str(tmp_path / "handover"),
        "AIPULL_PACS_MODULE_URL": "http://127.0.0.1:1",
        "AIPULL_API_KEY": "correct-horse-battery",
        "AIPULL_LOG_FOLDER": str(tmp_path / "logs"),
        "AIPULL_TIME_ZONE": "Asia/Shanghai",
    }.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setitem(sys.modules, "orthanc", fake)
    sys.modules.pop("pull_plugin", None)
    yield fake
    plugin = sys.modules.pop("pull_plugin", None)
    if plugin is not None and hasattr(plugin, "_plugins"):
        plugin._plugins.journal.close()


def test_everything_is_registered_after_everything_is_checked(sdk: FakeOrthanc) -> None:
    importlib.import_module("pull_plugin")
    assert sdk.calls[:2] == ["GetConfiguration", "GenerateRestApiAuthorizationToken"]
    assert set(sdk.calls[2:]) == {"Register"}
    assert sorted(sdk.rest) == [
        "/aipull/audit", "/aipull/forget", "/aipull/installation", "/aipull/log_level",
        "/aipull/log_level/set", "/aipull/pulls",
        "/aipull/pulls/(.+)", "/aipull/quarantine", "/aipull/quarantine/decide",
        "/aipull/receptions/([0-9.]{1,64})", "/aipull/release", "/aipull/retention", "/aipull/status",
        "/aipull/validation", "/aipull/verdicts",
    ]  # fmt: skip
    assert sdk.on_change is not None


def test_bad_configuration_registers_nothing_and_says_why(
    sdk: FakeOrthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIPULL_TIME_ZONE")
    with pytest.raises(ConfigurationError):
        importlib.import_module("pull_plugin")
    assert "Register" not in sdk.calls
    assert sdk.errors == [
        (
            "AI pull does not start: AIPULL_TIME_ZONE = None is not allowed: this environment variable "
            "must be set"
        )
    ]


def test_answers_go_out_as_the_sdk_wants_them(sdk: FakeOrthanc) -> None:
    importlib.import_module("pull_plugin")
    output = FakeOutput()
    sdk.rest["/aipull/pulls"](output, "/aipull/pulls", method="POST", body=b'{"pullID": "\xe8\x83\xb8"}')
    sdk.rest["/aipull/pulls"](output, "/aipull/pulls", method="GET")
    sdk.rest["/aipull/pulls/(.+)"](output, "/aipull/pulls/x", method="GET", groups=("x",))
    assert [status for status, _ in output.answers] == [400, 405, 404]


def test_hints_only_wake(sdk: FakeOrthanc) -> None:
    plugin = importlib.import_module("pull_plugin")
    assert sdk.on_change is not None
    sdk.on_change(sdk.ChangeType.NEW_INSTANCE, 3, "id")
    thread = plugin._plugins.reception._thread
    assert (thread._woken.is_set(), thread._hurried.is_set()) == (True, False)
    sdk.on_change(sdk.ChangeType.NEW_STUDY, 1, "id")
    assert thread._hurried.is_set()
