"""
``pacs-module probe``: whom it asks, what it prints and writes, and its exit status, against a simulated PACS.

Does not prove that the findings are true (tests/integration/probe/test_probe_real and test_probe_habits do).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from pacs_module.cli import app
from pacs_module.domain.errors import ConfigurationError
from pacs_module.settings import load_settings
from stack.ports import free_ports
from tests.fakes.served import settings_file

DAY = "2026-11-20"


@pytest.fixture(scope="module")
def pacs() -> Iterator[SimPacs]:
    with SimPacs(
        plan_busy_day(dt.date.fromisoformat(DAY), studies=150, max_slices=12), habits=["cap=100"]
    ) as pacs:
        yield pacs


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        app.app, ["probe", *arguments, "--date", DAY, "--pause", "0"], catch_exceptions=False
    )


@pytest.fixture
def settings(tmp_path: Path, pacs: SimPacs) -> Path:
    file = settings_file(tmp_path)
    where = f'name = "A"\nhost = "127.0.0.1"\nport = {pacs.port}\nae_title = "SIMPACS"'
    file.write_text(file.read_text(encoding="utf-8").replace('name = "A"', where), encoding="utf-8")
    return file


def test_a_pacs_of_the_settings_by_its_name(settings: Path) -> None:
    result = run("A", "--settings", str(settings))
    assert result.exit_code == 0
    assert "at most 60 queries" in result.stderr.splitlines()[0]
    assert "lists end at 100 answers" in " ".join(result.stdout.split())
    assert (settings.parent / "profiles" / "A.toml").exists()
    assert load_settings(settings).pacs[0].caps == (100,)


def test_without_settings_and_as_json(pacs: SimPacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(
        "--host", "127.0.0.1", "--port", str(pacs.port), "--aet", "SIMPACS", "--calling-aet", "US", "--json"
    )
    answer = json.loads(result.stdout)
    assert answer["pacs"] == "SIMPACS"
    assert answer["callingAeTitle"] == "US"
    assert answer["queries"] <= answer["mostQueries"]
    assert {"key", "verdict", "words", "asked", "came", "value"} == set(answer["findings"][0])
    assert (tmp_path / "profiles" / "SIMPACS.toml").exists()


def test_no_profile_on_request(settings: Path) -> None:
    assert run("A", "--settings", str(settings), "--no-write").exit_code == 0
    assert not (settings.parent / "profiles").exists()


def test_a_pacs_that_does_not_answer_is_said_and_no_profile_is_written(settings: Path) -> None:
    result = run("A", "--settings", str(settings), "--port", str(free_ports(1)[0]))
    assert result.exit_code == 1
    assert "no association" in result.stdout
    assert not (settings.parent / "profiles").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--host and --aet"),
        (("B",), "one of A"),
        (("A", "--date", "yesterday"), "YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_asked_is_said(settings: Path, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        CliRunner().invoke(
            app.app, ["probe", *arguments, "--settings", str(settings)], catch_exceptions=False
        )


def test_a_move_without_settings_needs_a_port(pacs: SimPacs) -> None:
    asked = ["--host", "127.0.0.1", "--port", str(pacs.port), "--aet", "SIMPACS", "--move"]
    with pytest.raises(ConfigurationError, match="--listen"):
        run(*asked)
