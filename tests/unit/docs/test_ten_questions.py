"""
The ten questions of a new operator, as docs/operations.md lists them: each has a page that answers and a
command that exists; and every page has its line.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from pacs_module.cli.app import app
from pacs_module.web.app import create_app
from pacs_module.web.site.site import NAVIGATION
from tests.fakes.served import TestClient, found, service_on, settings_file

DOC = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
TEXT = DOC.read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| `([^`]+)` \| `([^`]+)` \|$", TEXT, re.M)


def test_there_are_ten() -> None:
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize(("question", "page", "command"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
def test_each_has_a_page_and_a_command(tmp_path: Path, question: str, page: str, command: str) -> None:
    with service_on(settings_file(tmp_path)) as (service, pacs):
        found(service, pacs)
        client = TestClient(create_app(service), client=("127.0.0.1", 1))
        assert client.get(page, headers={"accept": "text/html"}).status_code == 200, question
        first, *rest = command.split()
        if first == "curl":
            assert client.get(f"/{rest[0].partition('/')[2]}").status_code == 200
        else:
            assert first == "pacs-module"
            assert rest[0] in typer.main.get_command(app).commands  # type: ignore[attr-defined]


def test_every_page_is_described() -> None:
    assert [address for address, _ in NAVIGATION if f"| `{address}` " not in TEXT] == []
