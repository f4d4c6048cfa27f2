"""Signing in with an identity provider: a small real one on loopback, with real signatures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.service.service import Service
from pacs_module.settings import load_settings
from pacs_module.web.app import create_app
from pacs_module.web.request_guard.needs import NEEDS
from pacs_module.web.request_guard.sessions import Sessions
from tests.fakes.identity_provider import CLIENT, SECRET, Provider, provider
from tests.fakes.pipeline import UID
from tests.fakes.served import TestClient, found, service_on, settings_file
from tests.support.pages.routes import places

ELSEWHERE = ("192.168.1.7", 1)
HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}
OIDC = """
[web.oidc]
issuer = "{issuer}"
client_id = "{client}"
client_secret = "{secret}"
page_url = "https://ai.hospital.test"
roles = {{ "pacs-team" = "operator", "chief" = "admin" }}
insecure = true
"""


@pytest.fixture
def idp() -> Iterator[Provider]:
    with provider() as told:
        yield told


@pytest.fixture
def service(tmp_path: Path, idp: Provider) -> Iterator[Service]:
    file = settings_file(tmp_path)
    told = OIDC.format(issuer=idp.issuer, client=CLIENT, secret=SECRET)
    file.write_text(file.read_text() + told)
    with service_on(file) as (service, pacs):
        found(service, pacs)
        yield service


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(
        create_app(service), raise_server_exceptions=False, client=ELSEWHERE, follow_redirects=False
    )


def begun(client: TestClient, idp: Provider) -> dict[str, str]:
    answer = client.get("/sign-in/oidc?next=/studies")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{idp.issuer}/authorize?")
    cookie = answer.headers["set-cookie"].lower()
    assert "samesite=lax" in cookie
    assert "httponly" in cookie
    return idp.sign_in(answer.headers["location"])


def test_a_person_signs_in_with_the_role_of_his_group(
    client: TestClient, idp: Provider, service: Service
) -> None:
    assert "hospital" in client.get("/sign-in", headers=HTML).text
    back = begun(client, idp)
    answer = client.get("/sign-in/oidc/back", params=back, headers=HTML)
    assert (answer.status_code, '0;url=/studies"' in answer.text) == (200, True)
    page = client.get(f"/studies/{UID}", headers=HTML)
    assert "wu.fang" in page.text
    form = {"why": "x", "form_token": page.text.split('name="form_token" value="')[1].split('"')[0]}
    assert client.post(f"/studies/{UID}/cancel", data=form).status_code == 303
    study = service.store.get(UID)
    assert study is not None
    assert study.history[-1].by == "manual: wu.fang"
    assert client.post("/rehearsal/undo", data=form).status_code == 403, "an operator is no admin"
    assert client.get("/sign-in/oidc/back", params=back).status_code == 403, "a second time"


def test_roles_of_the_provider_count_until_it_is_asked_again(
    client: TestClient, idp: Provider, service: Service
) -> None:
    back = begun(client, idp)
    answer = client.get("/sign-in/oidc/back", params=back, headers=HTML)
    assert "max-age=3600" in answer.headers["set-cookie"].lower(), "recheck_min, an hour where nothing is set"
    cookie = client.cookies["aipull_session"].strip('"')  # quoted where base64 is padded; servers take it off
    read = Sessions(service.settings.web.api_key.get_secret_value()).read
    assert read(cookie, time.time() + 3500) is not None
    assert read(cookie, time.time() + 3601) is None


def test_its_routes_are_in_the_table(service: Service) -> None:
    there = {f"{method} {path}" for method, path in places(create_app(service).routes)}
    assert there == set(NEEDS)


def test_a_sign_in_that_was_not_begun_here_is_refused(client: TestClient, idp: Provider) -> None:
    back = begun(client, idp)
    assert client.get("/sign-in/oidc/back", params={**back, "state": "x"}).status_code == 403
    client.cookies.clear()
    assert client.get("/sign-in/oidc/back", params=back).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [{"roles": []}, {"roles": "stranger"}, {"roles": {"a": 1}}, {"aud": "another"}, {"iss": "http://another"},
     {"nonce": "another"}, {"azp": "another"}, {"exp": 1_000_000_000}, {"exp": None}, {"sub": None}],
)  # fmt: skip
def test_a_token_that_cannot_be_believed_opens_nothing(
    client: TestClient, idp: Provider, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    back = begun(client, idp)
    made = idp.token
    monkeypatch.setattr(idp, "token", lambda **told: made(**{**told, **claims}))
    answer = client.get("/sign-in/oidc/back", params=back)
    assert answer.status_code == 403
    assert client.get("/studies", headers=JSON).status_code == 401


def test_the_providers_refusal_is_told(client: TestClient, idp: Provider) -> None:
    back = begun(client, idp)
    told = client.get("/sign-in/oidc/back", params={"state": back["state"], "error": "access_denied"})
    assert (told.status_code, "access_denied" in told.text) == (401, True)
    idp.codes.clear()
    assert client.get("/sign-in/oidc/back", params=back).status_code == 403


# --- scripts ---


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_script_shows_a_token(client: TestClient, idp: Provider, service: Service) -> None:
    assert client.get("/api/v1/studies", headers=bearer(idp.token())).status_code == 200
    body = {"StudyInstanceUID": UID, "by": "another", "why": "x"}
    assert client.post("/api/v1/dcm/redo", json=body, headers=bearer(idp.token())).is_success
    study = service.store.get(UID)
    assert study is not None
    assert study.history[-1].by == "manual: wu.fang"
    assert client.post("/api/v1/dcm/notify", json={}, headers=bearer(idp.token())).status_code == 403
    assert idp.asked.count("/keys") == 1, "kept"


def bad_tokens(idp: Provider) -> dict[str, str]:
    good, other = idp.token(), idp.new_key()
    return {
        "expired": idp.token(exp=int(time.time()) - 3600),
        "not yet": idp.token(nbf=int(time.time()) + 3600),
        "another audience": idp.token(aud="another"),
        "another issuer": idp.token(iss="http://127.0.0.1"),
        "another key": idp.token(key=other),
        "unknown key": idp.token(key=other, kid="9"),
        "a shared secret": idp.token(key="x" * 64, alg="HS256"),
        "no signature": idp.token(key=None, alg="none"),
        "changed": good[:-8] + "AAAAAAAA",
    }


@pytest.mark.parametrize("what", list(bad_tokens(Provider())))
def test_a_token_that_is_not_the_providers_is_refused(client: TestClient, idp: Provider, what: str) -> None:
    assert client.get("/api/v1/studies", headers=bearer(bad_tokens(idp)[what])).status_code == 401


def test_the_provider_may_change_its_key(
    client: TestClient, idp: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/api/v1/studies", headers=bearer(idp.token())).status_code == 200
    idp.key, idp.key_id = idp.new_key(), "2"
    monkeypatch.setattr("pacs_module.adapters.http.oidc.AGAIN_S", 0.0)
    assert client.get("/api/v1/studies", headers=bearer(idp.token())).status_code == 200


def test_a_provider_that_is_away_is_no_wrong_key(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    told = OIDC.format(issuer="http://127.0.0.1:1", client=CLIENT, secret=SECRET)
    file.write_text(file.read_text() + told)
    told_by = Provider()
    with service_on(file) as (service, _):
        away = TestClient(create_app(service), raise_server_exceptions=False, client=ELSEWHERE)
        for _ in range(12):
            answer = away.get("/api/v1/studies", headers=bearer(told_by.token()))
            assert (answer.status_code, "identity provider" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("line", "other"),
    [("insecure = true", "insecure = false"), ('"chief" = "admin"', '"chief" = "plugin"'),
     (f'client_id = "{CLIENT}"', 'client_id = ""')],
)  # fmt: skip
def test_settings_that_cannot_be(tmp_path: Path, line: str, other: str) -> None:
    file = settings_file(tmp_path)
    text = OIDC.format(issuer="http://idp", client=CLIENT, secret=SECRET).replace(line, other)
    file.write_text(file.read_text() + text)
    with pytest.raises(ConfigurationError):
        load_settings(file)
