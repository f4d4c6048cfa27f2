"""
Who may do what over HTTP: every route's right, roles of keys and sessions, revoked and wrong keys, Host,
proxies.

Does not prove anything of TLS, nor of a real identity provider (test_oidc.py has a small one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.domain.access.roles import GRANTS, AccessRole, Right
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.request_guard.needs import NEEDS, need_of
from pacs_module.web.request_guard.sessions import Sessions
from tests.fakes.pipeline import UID
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file
from tests.support.pages.routes import places

HERE, ELSEWHERE = ("127.0.0.1", 1), ("192.168.1.7", 1)
HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with service_on(settings_file(tmp_path)) as (service, pacs):
        found(service, pacs)
        yield service


def client_at(service: Service, where: tuple[str, int] = ELSEWHERE, console: str = "") -> TestClient:
    app = create_app(service, console)
    return TestClient(app, raise_server_exceptions=False, client=where, follow_redirects=False)


def changed(folder: Path, more: str) -> Path:
    """The settings with more lines under [web]."""
    file = settings_file(folder)
    text = file.read_text().replace(f'api_key = "{KEY}"\n', f'api_key = "{KEY}"\n{more}\n')
    file.write_text(text)
    return file


def key_for(service: Service, role: AccessRole, name: str = "Dr. Li") -> dict[str, str]:
    return {"X-API-Key": service.keys.make(name, role, "test")[1]}


def test_the_table_has_every_route_and_nothing_else(service: Service) -> None:
    there = {f"{method} {path}" for method, path in places(create_app(service).routes)}
    assert len(there) > 40
    without_oidc = {place for place in NEEDS if "oidc" not in place}
    assert there == without_oidc


def test_only_these_routes_are_open() -> None:
    opened = {place for place, right in NEEDS.items() if right is Right.OPEN}
    assert all(
        re.match(r"\w+ /(health|openapi.json|docs|sign-in|sign-out|language|theme)", place)
        for place in opened
    )


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Somebody without a key; each refusal leaves the service as it was."""
    with service_on(settings_file(tmp_path_factory.mktemp("stranger"))) as (service, pacs):
        found(service, pacs)
        yield client_at(service)


@pytest.mark.parametrize("place", [place for place, right in NEEDS.items() if right is not Right.OPEN])
def test_no_route_answers_whoever_shows_nothing(stranger: TestClient, place: str) -> None:
    method, path = place.split(" ")
    path = re.sub(r"\{\w+\}", "1", path)
    assert stranger.request(method, path).status_code == 401


@pytest.mark.parametrize("role", list(AccessRole))
def test_a_role_gets_what_it_is_granted_and_403_for_the_rest(service: Service, role: AccessRole) -> None:
    client, key = client_at(service), key_for(service, role)
    for place, right in NEEDS.items():
        method, path = place.split(" ")
        if right is Right.OPEN or path in ("/events", "/dead-letters", "/api/v1/dcm/dead_letters"):
            continue  # a stream without end; RabbitMQ is not there
        status = client.request(method, re.sub(r"\{\w+\}", "1", path), headers=key).status_code
        refused = status == 403
        assert refused != (right in GRANTS[role]), (place, status)
        assert status != 429


def test_a_role_that_is_too_low_is_told_which_one_it_takes_and_is_logged(service: Service) -> None:
    answer = client_at(service).post("/api/v1/dcm/redo", headers=key_for(service, AccessRole.VIEWER), json={})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "this needs one of the roles operator, admin; Dr. Li has viewer"
    assert "role_too_low" in (service.settings.log_folder / "dcm_end.jsonl").read_text()


def test_a_revoked_key_opens_nothing_from_then_on(service: Service) -> None:
    client, key = client_at(service), key_for(service, AccessRole.VIEWER)
    assert client.get("/api/v1/studies", headers=key).status_code == 200
    service.keys.revoke(service.keys.all()[0].key_id, "test")
    answer = client.get("/api/v1/studies", headers=key)
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


def test_the_store_has_no_key_in_it(service: Service, tmp_path: Path) -> None:
    secret = key_for(service, AccessRole.ADMIN)["X-API-Key"].split("_", 2)[2]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_by_is_whose_key_it_is_whatever_the_body_says(service: Service) -> None:
    client, body = client_at(service), {"StudyInstanceUID": UID, "by": "somebody else", "why": "new model"}
    assert client.post(
        "/api/v1/dcm/redo", json=body, headers=key_for(service, AccessRole.OPERATOR)
    ).is_success
    study = service.store.get(UID)
    assert study is not None
    assert study.history[-1].by == "manual: Dr. Li"


def test_the_shared_key_opens_all_until_there_is_an_admin_then_what_machines_need(service: Service) -> None:
    client, shared = client_at(service), {"X-API-Key": KEY}
    assert client.get("/api/v1/studies", headers=shared).status_code == 200
    key_for(service, AccessRole.ADMIN)
    assert client.get("/api/v1/studies", headers=shared).status_code == 403
    assert client.post("/api/v1/dcm/redo", headers=shared, json={}).status_code == 403
    assert client.post("/api/v1/dcm/notify", headers=shared, json={}).status_code == 400
    assert client.post("/api/v1/dcm/result", headers=shared, json={}).status_code == 400
    assert client.get("/metrics", headers=shared).status_code == 200


def test_the_shared_key_can_be_for_machines_from_the_start(tmp_path: Path) -> None:
    with service_on(changed(tmp_path, 'api_key_roles = "machines"')) as (service, _):
        assert client_at(service).get("/api/v1/studies", headers={"X-API-Key": KEY}).status_code == 403


def test_the_console_file_opens_all_for_whoever_may_read_it(service: Service) -> None:
    client = client_at(service, console="console-key-of-this-process")
    key_for(service, AccessRole.ADMIN)
    headers = {"X-API-Key": "console-key-of-this-process"}
    assert client.get("/api/v1/studies", headers=headers).status_code == 200
    body = {"StudyInstanceUID": UID, "by": "root", "why": "x"}
    assert client.post("/api/v1/dcm/redo", json=body, headers=headers).is_success
    assert client_at(service).get("/api/v1/studies", headers={"X-API-Key": ""}).status_code == 401


# --- sessions ---


def signed_in(service: Service, headers: dict[str, str], name: str = "") -> TestClient:
    client = client_at(service)
    answer = client.post("/sign-in", data={"name": name, "key": headers["X-API-Key"], "next": "/studies"})
    assert answer.status_code == 303
    return client


def test_a_session_has_the_name_and_the_role_of_its_key(service: Service) -> None:
    client = signed_in(service, key_for(service, AccessRole.VIEWER), "somebody else")
    page = client.get(f"/studies/{UID}", headers=HTML)
    assert "Dr. Li" in page.text
    assert "form_token" not in page.text  # what the role may not do has no form
    form = {"why": "x", "form_token": Sessions(KEY).form_token(client.cookies["aipull_session"].strip('"'))}
    answer = client.post(f"/studies/{UID}/cancel", data=form, headers=HTML)
    assert answer.status_code == 403
    assert "operator" in answer.text


def test_a_session_ends_with_its_key(service: Service) -> None:
    client = signed_in(service, key_for(service, AccessRole.OPERATOR))
    assert client.get("/studies", headers=JSON).status_code == 200
    service.keys.revoke(service.keys.all()[0].key_id, "test")
    assert client.get("/studies", headers=JSON).status_code == 401


def test_a_cookie_that_was_copied_is_of_no_use_after_the_sign_out(service: Service) -> None:
    client = signed_in(service, key_for(service, AccessRole.OPERATOR))
    copied = client.cookies["aipull_session"]
    client.get("/sign-out")
    again = client_at(service)
    again.cookies.set("aipull_session", copied)
    assert again.get("/studies", headers=JSON).status_code == 401


@pytest.mark.parametrize("spoiled", ["", ".", "a.b", "e30.", "\xff.\xff"])
def test_a_cookie_that_is_none_of_ours_opens_nothing(service: Service, spoiled: str) -> None:
    client = client_at(service)
    headers = {"cookie": b"aipull_session=" + spoiled.encode("latin-1"), **JSON}
    assert client.get("/studies", headers=headers).status_code == 401


def test_a_session_of_the_shared_key_ends_when_people_have_keys_of_their_own(service: Service) -> None:
    client = signed_in(service, {"X-API-Key": KEY}, "Dr. Wang")
    assert client.get("/studies", headers=JSON).status_code == 200
    key_for(service, AccessRole.ADMIN)
    assert client.get("/studies", headers=JSON).status_code == 401


@pytest.mark.parametrize("role", [AccessRole.PLUGIN, AccessRole.BACKEND])
def test_a_machine_does_not_sign_in(
    service: Service, role: AccessRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs_module.web.page_support.common.WRONG_KEY_S", 0)
    key = key_for(service, role)["X-API-Key"]
    assert client_at(service).post("/sign-in", data={"name": "x", "key": key}).status_code == 401


def test_the_api_takes_no_change_from_a_cookie(service: Service) -> None:
    client = signed_in(service, key_for(service, AccessRole.ADMIN))
    body = {"StudyInstanceUID": UID, "why": "x"}
    assert client.post("/api/v1/dcm/redo", json=body).status_code == 401
    assert client.get("/api/v1/studies").status_code == 200


# --- wrong keys, loopback, Host, proxies ---


def test_wrong_keys_are_slowed_down_and_the_plugins_beside_them_are_not(service: Service) -> None:
    client, guess = client_at(service), {"X-API-Key": "x" * 30}
    assert client.get("/metrics", headers={"X-API-Key": KEY}).status_code == 200
    statuses = [client.get("/api/v1/studies", headers=guess).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    late = client.get("/api/v1/studies", headers=key_for(service, AccessRole.VIEWER))
    assert (late.status_code, late.headers["retry-after"].isdigit()) == (429, True)
    assert client.get("/metrics", headers={"X-API-Key": KEY}).status_code == 200, "was right before"
    assert client_at(service, ("192.168.1.8", 1)).get("/metrics", headers=guess).status_code == 401
    assert "address_closed" in (service.settings.log_folder / "dcm_end.jsonl").read_text()


def test_a_wrong_key_is_refused_from_loopback_too(service: Service) -> None:
    here = client_at(service, HERE)
    assert here.get("/api/v1/studies").status_code == 200
    assert here.get("/api/v1/studies", headers={"X-API-Key": "x" * 30}).status_code == 401


@pytest.mark.parametrize("line", ["loopback_reads = false", 'proxies = ["10.1.2.3"]'])
def test_loopback_needs_a_key_when_told_so_or_behind_a_proxy(tmp_path: Path, line: str) -> None:
    with service_on(changed(tmp_path, line)) as (service, _):
        assert client_at(service, HERE).get("/api/v1/studies").status_code == 401
        assert client_at(service, HERE).get("/health/ready").status_code in (200, 503)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:7000", 200), ("localhost", 200), ("[::1]:7000", 200), ("pacs:7000", 200),
     ("ai.hospital.test", 200),
     ("AI.hospital.test:80", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421),
     ("localhost.", 421)],
)  # fmt: skip
def test_another_sites_name_is_refused_where_a_browser_needs_no_key(
    tmp_path: Path, host: str, status: int
) -> None:
    with service_on(changed(tmp_path, 'hosts = ["ai.hospital.test"]')) as (service, _):
        here = client_at(service, HERE)
        assert here.get("/api/v1/studies", headers={"host": host}).status_code == status
        assert here.get("/sign-in", headers={"host": host, **HTML}).status_code == status
        assert here.get("/api/v1/studies", headers={"host": host, "X-API-Key": KEY}).status_code == 200
        assert here.get("/health/live", headers={"host": host}).status_code == 200


def test_behind_a_proxy_of_the_settings_each_client_is_counted_by_itself(tmp_path: Path) -> None:
    with service_on(changed(tmp_path, 'proxies = ["192.168.1.0/24"]')) as (service, _):
        client, guess = client_at(service), {"X-API-Key": "x" * 30}
        for _ in range(10):
            client.get("/metrics", headers={**guess, "X-Forwarded-For": "6.6.6.6, 10.0.0.1"})
        near, far = {"X-Forwarded-For": "10.0.0.1"}, {"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}
        assert client.get("/metrics", headers={**guess, **near}).status_code == 429
        assert client.get("/metrics", headers={**guess, **far}).status_code == 401
        answer = client.post(
            "/sign-in", data={"name": "Li", "key": KEY}, headers={"X-Forwarded-Proto": "https", **far}
        )
        assert "secure" in answer.headers["set-cookie"].lower()


def test_the_needs_of_odd_requests_are_never_open() -> None:
    for method, path in [
        ("OPTIONS", "/health"), ("DELETE", "/sign-in"), ("POST", "/static/x"), ("GET", "/staticx"),
        ("GET", "//docs"),
        ("PUT", "/"), ("GET", "/sign-in/"), ("GET", "/docs\n"), ("TRACE", "/docs"),
    ]:  # fmt: skip
        assert need_of(method, path) is not Right.OPEN, (method, path)


def test_every_answer_says_that_nobody_shall_guess_or_keep_it(service: Service) -> None:
    for path in ("/api/v1/studies", "/health", "/api/v1/none", "/docs"):
        headers = client_at(service, HERE).get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
