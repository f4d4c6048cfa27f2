"""
Who saw and did what over HTTP stands in the audit trail, and so does whoever was refused.

Does not prove anything of DICOM (tests/integration/receive/test_allowed_senders.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.audit_trail.trail_file import TrailFile
from pacs_module.adapters.stores.leases import leases_of
from pacs_module.cli.audit import verified
from pacs_module.domain.access.roles import AccessRole
from pacs_module.domain.audit_trail.entry import Deed
from pacs_module.service.service import Service
from pacs_module.settings import load_settings
from pacs_module.web.app import create_app
from tests.fakes.pipeline import UID
from tests.fakes.served import TestClient, found, service_on, settings_file
from tests.fakes.world import FakePlugins

FROM = "192.168.1.7"
HTML = {"accept": "text/html"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with service_on(settings_file(tmp_path)) as (service, pacs):
        found(service, pacs)
        service.forget.plugins = FakePlugins()
        yield service


@pytest.fixture
def client(service: Service) -> TestClient:
    app = create_app(service)
    return TestClient(app, raise_server_exceptions=False, client=(FROM, 1), follow_redirects=False)


def key_for(service: Service, role: AccessRole) -> dict[str, str]:
    return {"X-API-Key": service.keys.make("Dr. Li", role, "test")[1]}


def entries(service: Service) -> list[dict[str, Any]]:
    assert isinstance(service.trail, TrailFile)
    return list(service.trail.entries()) if service.trail.path.exists() else []


def told(service: Service) -> list[tuple[str, str, str, int]]:
    return [(one["deed"], one["by"], one["action"], one["status"]) for one in entries(service)]


def test_who_looks_at_a_study_is_written_down_once_a_minute(service: Service, client: TestClient) -> None:
    key = key_for(service, AccessRole.VIEWER)
    for _ in range(3):
        assert client.get(f"/studies/{UID}", headers={**key, **HTML}).status_code == 200
    assert told(service) == [(Deed.SAW, "Dr. Li", "GET /studies/*", 200)]
    (entry,) = entries(service)
    assert entry["clear"] == {"study": UID}
    assert entry["objects"]["study"].startswith("p-")
    assert (entry["address"], entry["roles"]) == (FROM, ["viewer"])


def test_what_somebody_does_is_written_down_each_time_also_what_did_not_work(
    service: Service, client: TestClient
) -> None:
    key = key_for(service, AccessRole.OPERATOR)
    for _ in range(2):
        client.post("/api/v1/dcm/redo", headers=key, json={"StudyInstanceUID": UID, "why": "w"})
    client.post("/api/v1/dcm/redo", headers=key, json={"StudyInstanceUID": "9.9.9", "why": "w"})
    place = "POST /api/v1/dcm/redo"
    assert [one[2:] for one in told(service)] == [(place, 200), (place, 200), (place, 404)]
    assert entries(service)[0]["clear"] == {"study": UID}


def test_a_search_is_written_down_with_what_was_looked_for(service: Service, client: TestClient) -> None:
    client.get("/studies?text=Li", headers={**key_for(service, AccessRole.VIEWER), **HTML})
    assert [(one["deed"], one["clear"]) for one in entries(service)] == [(Deed.LOOKED_FOR, {"text": "Li"})]


def test_machines_that_may_and_open_pages_are_not_written_down(service: Service, client: TestClient) -> None:
    client.get("/health")
    client.get("/sign-in")
    client.get("/metrics", headers=key_for(service, AccessRole.PLUGIN))
    assert told(service) == []


def test_a_key_that_was_revoked_is_refused_and_audited(service: Service, client: TestClient) -> None:
    key = key_for(service, AccessRole.VIEWER)
    service.keys.revoke(service.keys.all()[0].key_id, "test")
    assert client.get(f"/studies/{UID}", headers=key).status_code == 401
    assert told(service) == [(Deed.REFUSED, "", "GET /studies/*", 401)]


def test_a_role_that_is_too_low_is_refused_and_audited(service: Service, client: TestClient) -> None:
    key = key_for(service, AccessRole.VIEWER)
    assert client.post("/api/v1/dcm/forget", headers=key, json={"PatientID": "P"}).status_code == 403
    assert told(service) == [(Deed.ROLE_TOO_LOW, "Dr. Li", "POST /api/v1/dcm/forget", 403)]


def test_a_session_that_is_replayed_after_its_end_is_refused_and_audited(
    service: Service, client: TestClient
) -> None:
    key = key_for(service, AccessRole.VIEWER)["X-API-Key"]
    page = client.get("/sign-in", headers=HTML)
    assert page.status_code == 200
    signed = client.post("/sign-in", data={"name": "", "key": key, "next": "/"}, headers=HTML)
    assert signed.status_code == 303
    cookie = {"Cookie": f"aipull_session={signed.cookies['aipull_session']}"}
    assert client.get("/studies", headers={**HTML, **cookie}).status_code == 200
    client.get("/sign-out", headers=cookie)
    client.cookies.clear()
    replayed = client.get("/studies", headers={"accept": "application/json", **cookie})
    assert replayed.status_code == 401
    assert [one[0] for one in told(service)] == [
        Deed.SIGNED_IN,
        Deed.LOOKED_FOR,
        Deed.SIGNED_OUT,
        Deed.REFUSED,
    ]


def test_a_wrong_key_at_the_page_is_refused_and_audited(service: Service, client: TestClient) -> None:
    assert client.post("/sign-in", data={"name": "x", "key": "wrong"}, headers=HTML).status_code == 401
    assert told(service)[-1] == (Deed.REFUSED, "", "POST /sign-in", 401)


def test_forgetting_takes_the_identifier_out_of_the_trail_and_leaves_it_whole(
    service: Service, client: TestClient, tmp_path: Path
) -> None:
    key = key_for(service, AccessRole.ADMIN)
    study = service.store.get(UID)
    assert study is not None
    client.post("/api/v1/dcm/cancel", headers=key, json={"StudyInstanceUID": UID, "why": "w"})
    body = {"PatientID": study.patient_id, "why": "asked for erasure"}
    answer = client.post("/api/v1/dcm/forget", headers=key, json=body)
    assert answer.status_code == 200, answer.json()
    assert [one["deed"] for one in entries(service)] == [Deed.DID, Deed.FORGOT]
    assert UID not in service.trail.path.read_text()  # type: ignore[union-attr]
    assert study.patient_id not in service.trail.path.read_text()  # type: ignore[union-attr]

    loaded = load_settings(tmp_path / "settings.toml")
    assert service.loops["audit trail"].step() is False
    with closing(service.store):
        assert verified(loaded, leases_of(service.store))["wrong"] == []
        lines = loaded.trail_file.read_text().splitlines(keepends=True)
        loaded.trail_file.write_text("".join(lines[:-1]))
        assert "missing at the end" in verified(loaded, leases_of(service.store))["wrong"][0]
        entry = json.loads(lines[1])
        loaded.trail_file.write_text("".join([lines[0], json.dumps({**entry, "by": "x"}) + "\n", lines[2]]))
        assert verified(loaded, leases_of(service.store))["wrong"] == ["entry 1 was changed"]
