"""Every command is found by its name, and no command imports what only others need."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pacs_module.cli.app import COMMANDS, app


@pytest.mark.parametrize("name", ["run", *COMMANDS])
def test_every_command_has_its_help(name: str) -> None:
    told = CliRunner().invoke(app, [name, "--help"])
    assert told.exit_code == 0, told.output
    assert name in told.output.split("[", 1)[0], "its usage has its own name"
    assert "--install-completion" not in told.output


def test_help_lists_all_of_them() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).output
    assert [name for name in ("run", *COMMANDS) if f" {name} " not in told] == []


def test_an_unknown_command_is_told() -> None:
    told = CliRunner().invoke(app, ["pul"])
    assert told.exit_code == 2
    assert "No such command 'pul'" in told.output


@pytest.mark.parametrize("module", ["pynetdicom", "fastapi", "sqlalchemy"])
def test_a_question_to_the_service_imports_none_of_its_libraries(module: str) -> None:
    program = f"import sys, pacs_module.cli.why; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
