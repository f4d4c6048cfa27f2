"""
Every form that a page shows somebody is accepted by its route, for every role of people and every page; what his role
may not do is a button that says which roles may.

Does not prove what the forms do (test_pages.py), nor buttons that only a page full of trouble has: their addresses go
through the same macro.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.domain.access.roles import GRANTS, PEOPLE, AccessRole, Right
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.request_guard.needs import NEEDS, need_of
from tests.fakes.pipeline import UID
from tests.fakes.served import TestClient, found, service_on, settings_file

HTML = {"accept": "text/html"}
TEMPLATES = Path(__file__).parents[4] / "pacs_module" / "web" / "templates"
FORM = re.compile(r'<form method="post" action="([^"]+)".*?name="form_token" value="([^"]*)"', re.DOTALL)
PAGES = sorted(
    path.replace("{study_uid}", UID)
    for method, path in (place.split(" ") for place, right in NEEDS.items() if right is Right.SEE)
    if method == "GET" and not path.startswith("/api/") and path not in ("/events", "/dead-letters")
    and "{series_uid}" not in path and "{kind}" not in path
)  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service_on(settings_file(tmp_path_factory.mktemp("buttons"))) as (service, pacs):
        found(service, pacs)
        yield service


def signed_in(service: Service, role: AccessRole) -> TestClient:
    key = service.keys.make(f"a {role.value} {len(service.keys.all())}", role, "test")[1]
    app = create_app(service)
    client = TestClient(app, raise_server_exceptions=False, client=("192.168.1.7", 1), follow_redirects=False)
    assert client.post("/sign-in", data={"key": key, "next": "/"}).status_code == 303
    return client


@pytest.mark.parametrize("role", sorted(PEOPLE))
def test_each_form_that_is_shown_is_accepted(service: Service, role: AccessRole) -> None:
    client = signed_in(service, role)
    shown: dict[str, str] = {}
    told = ""
    for page in PAGES:
        answer = client.get(page, headers=HTML)
        assert answer.status_code == 200, page
        shown.update(FORM.findall(answer.text))
        told += answer.text
    for address, token in shown.items():
        assert need_of("POST", address) in GRANTS[role], address
        answer = client.post(address, data={"form_token": token, "why": ""}, headers=HTML)
        assert answer.status_code not in (401, 403, 404, 405), (address, answer.status_code)
    rights = {need_of("POST", address) for address in shown}
    assert rights == GRANTS[role] & {Right.WORK, Right.ADMINISTER}
    assert ("disabled title=" in told) is (role is not AccessRole.ADMIN)


def test_no_template_posts_but_through_what_asks_for_the_right() -> None:
    posts = {
        path.name: re.findall(r'<form method="post" action="([^"]+)"', path.read_text(encoding="utf-8"))
        for path in TEMPLATES.glob("*.html")
    }
    assert {name: forms for name, forms in posts.items() if forms} == {
        "pieces.html": ["{{ address }}"], "studies.html": ["/studies/pull"], "sign_in.html": ["/sign-in"],
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_each_address_of_a_button_is_in_the_table(name: str) -> None:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    for address in re.findall(r'pieces\.act\("(/[^"]*)"[,)]', text):
        assert f"POST {address}" in NEEDS, address
