"""``pacs-module key``: made, listed, revoked in the store of the settings; which key a command shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pacs_module.cli.app import app
from pacs_module.cli.common import key_of
from pacs_module.settings import load_settings
from pacs_module.settings.console import read_console, write_console
from tests.fakes.served import KEY, service_on, settings_file


def run(file: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["key", *words, "--settings", str(file)])
    return done.exit_code, done.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = settings_file(tmp_path)
    with service_on(file):
        pass  # the store is there
    return file


def test_a_key_is_shown_once_listed_without_it_and_revoked(file: Path) -> None:
    status, text = run(file, "make", "Dr. Li", "--role", "operator", "--by", "root")
    assert (status, text[:4]) == (0, "aip_")
    (listed,) = json.loads(run(file, "list", "--json")[1])["keys"]
    assert (listed["name"], listed["role"], listed["madeBy"], listed["revokedAt"]) == (
        "Dr. Li",
        "operator",
        "root",
        "",
    )
    assert text.strip().split("_", 2)[2] not in json.dumps(listed)
    with service_on(file) as (service, _):
        assert service.keys.of_text(text.strip()) is not None
        assert run(file, "revoke", listed["id"], "--by", "root")[0] == 0
        assert service.keys.of_text(text.strip()) is None, "at once, in a process that runs"
    assert json.loads(run(file, "list", "--json")[1])["keys"][0]["revokedAt"]


@pytest.mark.parametrize(
    "words",
    [("make", "x\ny", "--role", "viewer"), ("make", "", "--role", "viewer"), ("make", "x", "--role", "king"),
     ("revoke", "12345678")],
)  # fmt: skip
def test_what_cannot_be_is_refused(file: Path, words: tuple[str, ...]) -> None:
    assert run(file, *words)[0] != 0
    assert json.loads(run(file, "list", "--json")[1])["keys"] == []


def test_two_keys_that_count_have_two_names(file: Path) -> None:
    assert run(file, "make", "Li", "--role", "viewer")[0] == 0
    assert run(file, "make", "Li", "--role", "admin")[0] != 0
    (listed,) = json.loads(run(file, "list", "--json")[1])["keys"]
    run(file, "revoke", listed["id"])
    assert run(file, "make", "Li", "--role", "admin")[0] == 0


def test_a_command_shows_its_own_key_then_the_consoles_then_the_shared_one(tmp_path: Path) -> None:
    file, console = settings_file(tmp_path), tmp_path / "console"
    text = file.read_text().replace("[web]\n", f'[web]\nconsole_file = "{console}"\n')
    file.write_text(text)
    assert key_of(load_settings(file).web) == KEY
    key = write_console(console)
    assert (console.stat().st_mode & 0o777, read_console(console)) == (0o600, key)
    assert key_of(load_settings(file).web) == key
    assert write_console(console) != key
    file.write_text(text.replace("[web]\n", '[web]\ncli_key = "of-my-own"\n'))
    assert key_of(load_settings(file).web) == "of-my-own"
    console.write_text("no netrc at all")
    assert read_console(console) == ""
