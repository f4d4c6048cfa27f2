"""The platform's parameters on their page, over the HTTP API and on the command line; no secret is shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.platform_parameters.kept import KeptParameters
from pacs_module.cli import app
from pacs_module.cli import gateway as command
from pacs_module.domain.platform_parameters.parameter import Told
from pacs_module.service.service import Service
from pacs_module.use_cases.platform_parameters.fetch import FetchParameters
from pacs_module.web.app import create_app
from tests.fakes.served import KEY, TestClient, service_on, settings_file


class Platform:
    def __init__(self) -> None:
        self.told = Told(3, {"threads": 4, "batch_size": 10, "s3_secret_key": "very-secret-key"})

    def parameters(self) -> Told:
        return self.told


def served(service: Service, folder: Path) -> tuple[TestClient, Platform]:
    platform = Platform()
    kept = KeptParameters(folder / "parameters.json")
    nothing: Any = lambda values: None  # noqa: E731
    service.parameters = FetchParameters(
        platform, kept, nothing, nothing, service.clock, service.log, pinned=("batch_size",)
    )
    client = TestClient(
        create_app(service), raise_server_exceptions=False, client=("127.0.0.1", 1), headers={"X-API-Key": KEY}
    )  # fmt: skip
    return client, platform


def test_value_source_version_and_history_are_shown_and_no_secret(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client, platform = served(service, tmp_path)
        assert client.post("/api/v1/parameters/fetch", json={"by": "anna"}).json() == {
            "version": 3, "problem": "",
        }  # fmt: skip
        told = client.get("/api/v1/parameters").json()
        lines = {one["name"]: (one["value"], one["source"]) for one in told["lines"]}
        assert lines["threads"] == ("4", "platform")
        assert lines["batch_size"] == ("10", "pinned")
        assert lines["hospital_code"] == ("", "site")
        assert lines["s3_secret_key"][0].startswith("(hidden) ")
        assert (told["version"], len(told["history"])) == (3, 3)
        page = client.get("/parameters", headers={"Accept": "text/html"}).text
        assert "very-secret-key" not in page + str(told)
        platform.told = Told(4, {**platform.told.values, "threads": 99})
        assert client.post("/api/v1/parameters/fetch", json={}).json()["problem"].startswith("threads is 99")
        assert client.get("/api/v1/parameters").json()["version"] == 3


def test_without_a_platform_the_page_says_so(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client, _ = served(service, tmp_path)
        service.parameters = None
        assert client.get("/api/v1/parameters").json()["isOn"] is False
        assert client.get("/parameters", headers={"Accept": "text/html"}).status_code == 200
        assert client.post("/api/v1/parameters/fetch", json={}).status_code == 404


def test_the_command_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client, platform = served(service, tmp_path)

        def call(_: object, method: str, path: str, body: object = None) -> dict[str, Any]:
            return dict(client.request(method, path, json=body).json())

        def run(*arguments: str) -> int:
            settings = ["-s", str(tmp_path / "settings.toml")]
            monkeypatch.setattr(sys, "argv", ["pacs-module", "parameters", *arguments, *settings])
            with pytest.raises(SystemExit) as ended:
                app.main()
            return int(ended.value.code or 0)

        monkeypatch.setattr(command, "call", call)
        assert run("--fetch") == 0
        said = capsys.readouterr().out
        assert "threads" in said
        assert "very-secret-key" not in said
        platform.told = Told(2, platform.told.values)
        assert run("--fetch") == 1
        assert "version is 2" in capsys.readouterr().err
        service.parameters = None
        assert run() == 0
        assert "[parameters]" in capsys.readouterr().out
