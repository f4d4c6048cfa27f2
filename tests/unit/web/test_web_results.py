"""Result objects over the HTTP API: what is posted, what is refused, where it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from stack.settings_file import as_toml
from tests.fakes.pipeline import UID, Pipeline
from tests.fakes.served import KEY, TestClient, service_on, settings_file
from tests.support.results.objects import result_object

POST = "/api/v1/results"
DICOM = {"Content-Type": "application/dicom"}
BOUNDARY = "part-of-a-result"
RELATED = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    file = settings_file(tmp_path)
    pacs = {"name": "pacs", "kind": "cstore", "host": "127.0.0.1", "ae_title": "PACS", "what": "results"}
    more = {"destination": [pacs], "results": {"folder": str(tmp_path / "results"), "max_post_mb": 1}}
    file.write_text(file.read_text(encoding="utf-8") + as_toml(more), encoding="utf-8")
    with service_on(file) as (service, _):
        study = Pipeline()
        study.until_handed_over()
        service.store.insert(study.study())
        yield service
        assert service.results is not None
        service.results.take.reader.close()  # type: ignore[attr-defined]


@pytest.fixture
def client(service: Service) -> TestClient:
    app = create_app(service)
    return TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 1), headers={"X-API-Key": KEY})


def one(folder: Path, name: str = "one.dcm", **more: str) -> bytes:
    result_object(folder / name, UID, more.pop("patient_id", "P1"), **more)
    return (folder / name).read_bytes()


def parts(*files: bytes, end: bytes = b"--") -> bytes:
    heads = b"Content-Type: application/dicom\r\n\r\n"
    body = b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + heads + file + b"\r\n" for file in files)
    return body + b"--" + BOUNDARY.encode() + end


def test_one_object_is_taken_and_shown(client: TestClient, service: Service, tmp_path: Path) -> None:
    answer = client.post(POST, content=one(tmp_path), headers=DICOM)
    assert answer.status_code == 200, answer.text
    assert [told["answer"] for told in answer.json()["objects"]] == ["taken"]
    (told,) = client.get(POST).json()["results"]
    assert (told["modality"], told["objects"], told["by"]) == ("SR", 1, "posted")
    assert [up["state"] for up in told["uploads"]] == ["queued"]
    for page in (f"/studies/{UID}", "/destinations"):
        assert "Results as DICOM objects" in client.get(page, headers={"Accept": "text/html"}).text
    assert "Results as DICOM objects" in client.get(
        f"/api/v1/dcm/debug?StudyInstanceUID={UID}", headers={"Accept": "text/html"}
    ).text  # fmt: skip


@pytest.mark.parametrize("form", [False, True])
def test_several_in_one_post_each_with_its_answer(client: TestClient, tmp_path: Path, form: bool) -> None:
    good, bad = one(tmp_path, "1.dcm"), one(tmp_path, "2.dcm", patient_id="P2")
    if form:
        files = [("a", ("1.dcm", good, "application/dicom")), ("b", ("2.dcm", bad, "application/dicom"))]
        answer = client.post(POST, files=files)
    else:
        answer = client.post(POST, content=parts(good, bad), headers=RELATED)
    assert answer.status_code == 202, answer.text
    assert sorted(told["answer"] for told in answer.json()["objects"]) == ["refused", "taken"]
    (refused,) = client.get(POST).json()["refused"]
    assert "PatientID P2" in refused["why"]


def test_refused_by_all_its_objects_is_a_conflict(client: TestClient, tmp_path: Path) -> None:
    assert client.post(POST, content=one(tmp_path, patient_id="P2"), headers=DICOM).status_code == 409
    assert client.post(POST, content=b"no DICOM", headers=DICOM).status_code == 409


def test_what_is_no_such_body_is_refused(client: TestClient, service: Service, tmp_path: Path) -> None:
    object_ = one(tmp_path)
    assert client.post(POST, json={"studyUID": UID}).status_code == 400
    assert client.post(POST, content=b"", headers=DICOM).status_code == 400
    assert client.post(POST, content=parts(object_, end=b""), headers=RELATED).status_code == 400
    assert client.post(POST, content=parts(object_)[5:], headers=RELATED).status_code == 400
    assert (
        client.post(POST, content=object_, headers={"Content-Type": "multipart/related"}).status_code == 400
    )
    assert client.post(f"{POST}?handoverID=../x", content=object_, headers=DICOM).status_code == 400
    assert client.post(POST, content=bytes(2 << 20), headers=DICOM).status_code == 413
    assert service.results is not None
    assert not list((tmp_path / "results" / "drafts").iterdir())
    assert client.get(POST).json()["results"] == []


def test_without_a_key_nothing_is_read(service: Service, tmp_path: Path) -> None:
    stranger = TestClient(create_app(service), raise_server_exceptions=False, client=("10.0.0.9", 1))
    assert stranger.post(POST, content=one(tmp_path), headers=DICOM).status_code == 401


def test_where_results_are_off_there_is_nothing(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client = TestClient(create_app(service), client=("127.0.0.1", 1), headers={"X-API-Key": KEY})
        assert client.post(POST, content=b"x", headers=DICOM).status_code == 404
        assert client.get(POST).json() == {"results": [], "refused": [], "waiting": {}}
