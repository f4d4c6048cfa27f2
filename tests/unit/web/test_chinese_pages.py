"""
The Chinese pages of a department with everything on them: no sentence is left in English.

Over a running stack, with what it really says: tests/long/whole/test_pages_of_a_stack.py.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.page_support.site import NAVIGATION
from tests.fakes.served import TestClient, service_on, settings_file
from tests.support.pages.department import DESTINATIONS, HOSTILE, STORY, fill, fill_destinations
from tests.support.pages.left_in_english import left_in_english

RAW = (
    HOSTILE,
    "checked by eye",
    "the model was updated",
    "no lung in it",
    "no such patient",
    "the backend said",
    "platform answered",
)
"""What people and other servers wrote of these studies."""
AS_WRITTEN = ("/log", "/configuration")
"""Show the lines of the logs, and the values of settings, as they are written."""
PAGES = [address for address, _ in NAVIGATION if address not in AS_WRITTEN]
PAGES += [f"/studies/{STORY}", "/sign-in", "/filters?from=2020-01-01", "/studies/1.2.3", "/nowhere"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    file = settings_file(tmp_path_factory.mktemp("chinese"))
    file.write_text(file.read_text(encoding="utf-8") + DESTINATIONS, encoding="utf-8")
    with service_on(file) as (service, _):
        fill(service)
        fill_destinations(service)
        yield service


def shown(page: str) -> str:
    """The texts that people see, one a line: also those of a pointer, and of a reader for the blind."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    spoken = re.findall(r'(?:title|aria-label|alt|placeholder|data-of)="([^"]*)"', body)
    return html.unescape("\n".join([*re.split(r"<[^>]+>", body), *spoken]))


@pytest.mark.parametrize("page", PAGES)
def test_what_stands_on_the_chinese_pages(service: Service, page: str) -> None:
    client = TestClient(create_app(service), raise_server_exceptions=False, client=("127.0.0.1", 1))
    client.cookies.set("aipull_language", "zh")
    answer = client.get(page, headers={"accept": "text/html"})
    assert '<html lang="zh"' in answer.text
    assert left_in_english(shown(answer.text), RAW) == []


def test_an_error_is_told_in_chinese(service: Service) -> None:
    client = TestClient(create_app(service), raise_server_exceptions=False, client=("127.0.0.1", 1))
    client.cookies.set("aipull_language", "zh")
    answer = client.get("/rehearsal?set=THIN_SLICE_MAX=99", headers={"accept": "text/html"})
    assert "不允许 THIN_SLICE_MAX = 99" in shown(answer.text)


def test_english_on_a_chinese_page_would_be_seen(service: Service) -> None:
    client = TestClient(create_app(service), raise_server_exceptions=False, client=("127.0.0.1", 1))
    answer = client.get(f"/studies/{STORY}", headers={"accept": "text/html"})
    assert "person starts it again" in left_in_english(shown(answer.text), RAW)
