"""
What a baseline scan (OWASP ZAP's passive rules) looks at, over every route: headers, cookies, methods, error pages,
what comes back of what is sent, and paths that lead outside.

Does not prove what an active scan would find behind a real proxy, nor anything of TLS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pacs_module.domain.access.roles import AccessRole
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.request_guard.needs import NEEDS
from tests.fakes.pipeline import UID
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file

HTML = {"accept": "text/html"}
PROBE = "zap\"'><script>alert(1)</script>"
SKIPPED = ("/events", "/dead-letters", "/api/v1/dcm/dead_letters")
"""A stream without end; RabbitMQ is not there."""
GETS = sorted(
    path.replace("{study_uid}", UID).replace("{series_uid}", "1.2.3").replace("{kind}", "xlsx")
    for method, path in (place.split(" ") for place in NEEDS)
    if method == "GET" and path not in SKIPPED and "oidc" not in path
)  # fmt: skip
DISCLOSED = re.compile(
    r"Traceback|/pacs_module/|site-packages|sqlite3\.|uvicorn|starlette|Python/3", re.IGNORECASE
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service_on(settings_file(tmp_path_factory.mktemp("scan"))) as (service, pacs):
        found(service, pacs)
        yield service


@pytest.fixture(scope="module")
def client(service: Service) -> TestClient:
    key = service.keys.make("scanner", AccessRole.ADMIN, "test")[1]
    app = create_app(service)
    made = TestClient(app, raise_server_exceptions=False, client=("192.168.1.7", 1), follow_redirects=False)
    made.headers["X-API-Key"] = key
    return made


@pytest.mark.parametrize("path", GETS)
def test_headers_of_each_answer(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert answer.status_code < 500 or answer.status_code == 503, path
    told = {name.lower(): value for name, value in answer.headers.items()}
    assert told["x-content-type-options"] == "nosniff"
    assert "no-store" in told["cache-control"]
    assert "access-control-allow-origin" not in told
    assert "x-powered-by" not in told
    if told.get("content-type", "").startswith("text/html"):
        policy = told["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src 'self'" in policy or "script-src" not in policy
        assert ("unsafe-inline" in policy) is (path in ("/docs", "/api/v1/dcm/debug"))
        assert told["x-frame-options"] == "DENY"
        assert told["referrer-policy"] in ("same-origin", "no-referrer")
        assert told["cross-origin-opener-policy"] == told["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in told["permissions-policy"]
        assert "charset=utf-8" in told["content-type"].lower()
        elsewhere = re.findall(r'(?:src|href|action)="(?:https?:)?//([^"/]+)', answer.text)
        assert elsewhere == [], "nothing is loaded from, or leads to, another site"


@pytest.mark.parametrize("path", GETS)
def test_nothing_that_is_sent_comes_back_as_markup(client: TestClient, path: str) -> None:
    names = ("text", "next", "state", "patient", "accession", "StudyInstanceUID", "before", "date", "file")
    for name in names:
        answer = client.get(path, params={name: PROBE}, headers=HTML)
        assert answer.status_code < 500 or answer.status_code == 503, (path, name)
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert "<script>alert(1)" not in answer.text, (path, name)
        assert "alert(1)" not in answer.headers.get("location", "").partition("?")[0]


@pytest.mark.parametrize(
    "method", ["TRACE", "TRACK", "CONNECT", "OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND"]
)
def test_methods_that_nobody_has_are_refused(client: TestClient, method: str) -> None:
    for path in GETS:
        answer = client.request(method, path)
        assert answer.status_code in (400, 401, 403, 404, 405), (path, answer.status_code)
        assert DISCLOSED.search(answer.text) is None


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere", "/studies/../../etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py", "/static/",
        "/static/..%5capp.py", "/.git/config", "/.env", "/studies/%00", "/studies/" + "9" * 5000, "/%ff%fe",
        "/openapi.json/", "/server-status", "/studies/1%0d%0aSet-Cookie:x=y",
    ],
)  # fmt: skip
def test_error_pages_tell_nothing_of_the_inside(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert 300 <= answer.status_code < 500, (path, answer.status_code)
    assert DISCLOSED.search(answer.text) is None
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_each_cookie_is_for_us_alone(client: TestClient) -> None:
    secure = {"X-Forwarded-Proto": "https"}
    answers = [
        client.post("/sign-in", data={"name": "Li", "key": KEY}, headers=secure),
        client.post("/sign-in", data={"key": client.headers["X-API-Key"]}),
        client.get("/theme/dark"),
        client.get("/language/zh"),
    ]
    cookies = [told.lower() for answer in answers for told in answer.headers.get_list("set-cookie")]
    assert len(cookies) >= 3
    for told in cookies:
        assert "httponly" in told, told
        assert "samesite=strict" in told or "samesite=lax" in told, told
        assert "domain=" not in told, told


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_redirect_leads_to_another_site(client: TestClient, to: str) -> None:
    for path in ("/theme/dark", "/language/zh"):
        answer = client.get(path, params={"next": to})
        assert answer.headers["location"].startswith("/")
        assert not answer.headers["location"].startswith(("//", "/\\"))
    signed = client.post("/sign-in", data={"key": client.headers["X-API-Key"], "next": to})
    assert signed.headers["location"] == "/"


def test_form_fields_that_are_secrets_are_not_remembered(client: TestClient) -> None:
    page = client.get("/sign-in", headers=HTML).text
    (field,) = re.findall(r'<input[^>]*name="key"[^>]*>', page)
    assert 'type="password"' in field
    assert "autocomplete=" in field
