"""Templates are compiled once, and the compiled form is the same in every language and for every site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.page_support import compiled
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file

TEMPLATES = Path(compiled.__file__).parents[1] / "templates"
NAMES = sorted(path.name for path in TEMPLATES.glob("*.html"))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with service_on(settings_file(tmp_path)) as (service, pacs):
        found(service, pacs)
        yield service


def page(service: Service, language: str) -> str:
    client = TestClient(create_app(service), client=("127.0.0.1", 1))
    headers = {"accept": "text/html", "accept-language": language, "X-API-Key": KEY}
    return str(client.get("/", headers=headers).text)


def test_a_second_application_and_language_compile_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = page(service, "en")
    monkeypatch.setattr(jinja2.Environment, "_generate", None)
    assert "Today" in first
    assert "今天" in page(service, "zh")
    assert "Today" in page(service, "en")


@pytest.mark.parametrize("name", NAMES)
def test_no_constant_goes_through_a_filter_of_ours(name: str) -> None:
    """Jinja would compute it when it compiles: in the first language, with the first site's clock."""
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"])
    tree = environment.parse((TEMPLATES / name).read_text(encoding="utf-8"))
    jinjas = jinja2.Environment().filters
    constant = [one for one in tree.find_all(nodes.Filter) if isinstance(one.node, nodes.Literal)]
    assert [(one.name, one.lineno) for one in constant if one.name not in jinjas] == []
