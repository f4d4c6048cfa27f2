"""The example backend: measures what is there, once a key, and posts until acknowledged."""

import asyncio
import datetime as dt
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from fastapi import FastAPI

from examples import ai_backend
from hospital_sim.day import plan_day
from hospital_sim.instances import Renderer
from hospital_sim.planned_study import Content, PlannedStudy

KEY = {"Authorization": "Bearer secret", "Idempotency-Key": "h-1"}
PLAN = plan_day("small", dt.date(2026, 11, 21))


class Pipeline:
    """Stands for the pipeline's result intake; refuses the first ``refusals`` posts."""

    def __init__(self, refusals: int = 0) -> None:
        self.answers: list[dict[str, Any]] = []
        self.tries = 0
        self._refusals = refusals
        self._arrived = threading.Condition()

    def post(
        self,
        session: requests.Session,
        url: str,
        *,
        json: dict[str, Any],
        headers: dict[str, str],
        **how: Any,
    ) -> requests.Response:
        assert not session.trust_env, "no proxy of the environment (K5)"
        assert how["allow_redirects"] is False
        assert url.endswith("/api/v1/dcm/result")
        assert headers == {"X-API-Key": "pipe"}
        answer = requests.Response()
        with self._arrived:
            self.tries += 1
            answer.status_code = 503 if self.tries <= self._refusals else 200
            if answer.status_code == 200:
                self.answers.append(json)
                self._arrived.notify_all()
        return answer

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.answers) >= count, timeout=30)
        return self.answers


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    fake = Pipeline()
    monkeypatch.setattr(requests.Session, "post", lambda session, url, **how: fake.post(session, url, **how))
    return fake


class Client:
    """Calls the application without a socket."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app=app)

    def post(self, path: str, *, json: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://backend") as session:
                return await session.post(path, json=json, headers=headers)

        return asyncio.run(call())


def client(path: Path) -> Client:
    backend = ai_backend.Backend(ai_backend.Record(path), "http://pipeline", "pipe")
    return Client(ai_backend.create_app(backend, "secret"))


def write(folder: Path, study: PlannedStudy, *contents: Content) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for series in study.series:
        if series.content in contents:
            for image in Renderer().series(study, series):
                image.save_as(folder / f"{image.SOPInstanceUID}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture
def chest(tmp_path: Path) -> Path:
    return write(tmp_path / "chest", PLAN.studies[0], Content.THIN_SOFT)


def job(folder: Path, **more: object) -> dict[str, Any]:
    return {"studyUID": "1.2", "seriesUID": "1.2.3", "filepath": str(folder), "numberReceived": 16, **more}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("content", [Content.THIN_SOFT, Content.THIN_SHARP, Content.THICK])
def test_lung_volume_is_near_the_phantoms(tmp_path: Path, content: Content) -> None:
    study = replace(PLAN.studies[0], matrix=256, base_slices=24)
    series = replace(
        next(one for one in study.series if one.content is content),
        instances=12 if content is Content.THICK else 24,
    )
    study = replace(study, series=(series,))
    numbers, uids = ai_backend.compute(write(tmp_path / "volume", study, content))
    assert len(uids) == series.instances
    assert numbers["lungVolumeMl"] == pytest.approx(Renderer().volume(study).lung_ml, rel=0.12)


def test_a_radiograph_has_mean_and_contrast(tmp_path: Path) -> None:
    study = next(one for one in PLAN.studies if one.label.startswith("chest DX"))
    for view in (Content.FRONTAL, Content.LATERAL):
        write(tmp_path / "dx" / view, study, view)
    numbers, uids = ai_backend.compute(tmp_path / "dx")
    assert len(uids) == 2
    assert numbers["meanValue"] > 200
    assert numbers["contrast"] > 0.1


def test_accepted_computed_recorded_and_posted(tmp_path: Path, pipeline: Pipeline, chest: Path) -> None:
    answer = client(tmp_path / "record").post("/compute", json=job(chest, handoverID="h"), headers=KEY)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    posted = pipeline.wait_for(1)[0]
    assert (posted["studyUID"], posted["seriesUID"], posted["state"], posted["handoverID"]) == (
        "1.2", "1.2.3", "completed", "h",
    )  # fmt: skip
    accepted, computed = lines(tmp_path / "record")
    assert (accepted["event"], accepted["idempotencyKey"]) == ("accepted", "h-1")
    assert (computed["event"], computed["files"], len(computed["sopInstanceUIDs"])) == ("computed", 16, 16)
    assert computed["lungVolumeMl"] == posted["result"]["lungVolumeMl"] > 1000


def test_a_repeat_is_posted_again_but_not_computed_again_even_after_a_restart(
    tmp_path: Path, pipeline: Pipeline, chest: Path
) -> None:
    client(tmp_path / "record").post("/compute", json=job(chest), headers=KEY)
    first = pipeline.wait_for(1)[0]
    restarted = client(tmp_path / "record")
    assert restarted.post("/compute", json=job(chest), headers=KEY).json() == {"status": "computed"}
    assert pipeline.wait_for(2)[1] == first
    assert [line["event"] for line in lines(tmp_path / "record")] == ["accepted", "computed", "repeat"]


def test_what_was_accepted_but_not_computed_before_a_kill_is_computed_when_asked_again(
    tmp_path: Path, pipeline: Pipeline, chest: Path
) -> None:
    (tmp_path / "record").write_text(
        '{"event": "accepted", "idempotencyKey": "h-1"}\n{"event": "comp', encoding="utf-8"
    )
    client(tmp_path / "record").post("/compute", json=job(chest), headers=KEY)
    assert pipeline.wait_for(1)[0]["state"] == "completed"
    text = (tmp_path / "record").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in text[2:]] == ["repeat", "computed"]


def test_a_result_is_posted_until_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chest: Path
) -> None:
    fake = Pipeline(refusals=2)
    monkeypatch.setattr(requests.Session, "post", lambda session, url, **how: fake.post(session, url, **how))
    client(tmp_path / "record").post("/compute", json=job(chest), headers=KEY)
    fake.wait_for(1)
    assert fake.tries == 3


def test_a_result_goes_to_the_next_pacs_module_where_one_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chest: Path
) -> None:
    fake = Pipeline()

    def post(session: requests.Session, url: str, **how: Any) -> requests.Response:
        if url.startswith("http://away"):
            raise requests.ConnectionError("refused")
        return fake.post(session, url, **how)

    monkeypatch.setattr(requests.Session, "post", post)
    both = ai_backend.Backend(ai_backend.Record(tmp_path / "record"), "http://away, http://pipeline/", "pipe")
    assert both.accept(job(chest), "h-1") == "accepted"
    assert (fake.wait_for(1)[0]["state"], fake.tries) == ("completed", 1)


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (401, False), (404, False), (429, True), (503, True)]
)
def test_a_result_that_the_pipeline_refuses_is_not_posted_again(status: int, again: bool) -> None:
    answer = requests.Response()
    answer.status_code = status
    assert ai_backend.worth_repeating(requests.HTTPError(response=answer)) is again
    assert ai_backend.worth_repeating(requests.ConnectionError())


def test_failures_are_told_and_computed_again_when_asked(
    tmp_path: Path, pipeline: Pipeline, chest: Path
) -> None:
    served = client(tmp_path / "record")
    served.post("/compute", json=job(tmp_path / "nothing"), headers=KEY)
    assert pipeline.wait_for(1)[0]["state"] == "failed"
    served.post("/compute", json=job(chest), headers=KEY)
    assert pipeline.wait_for(2)[1]["state"] == "completed"


def test_another_modality_is_unsupported(tmp_path: Path, pipeline: Pipeline) -> None:
    plan = plan_day("demo", dt.date(2026, 11, 21))
    folder = write(
        tmp_path / "mg",
        next(one for one in plan.studies if one.label.startswith("mammogram")),
        Content.BREAST,
    )
    client(tmp_path / "record").post("/compute", json=job(folder), headers=KEY)
    assert pipeline.wait_for(1)[0]["state"] == "unsupported_series"


@pytest.mark.parametrize(
    ("headers", "change", "status"),
    [
        ({"Idempotency-Key": "h"}, {}, 401),
        ({"Authorization": "Bearer wrong", "Idempotency-Key": "h"}, {}, 401),
        ({"Authorization": "Bearer secret"}, {}, 422),
        (KEY, {"filepath": ""}, 422),
    ],
)
def test_what_is_refused(
    tmp_path: Path, headers: dict[str, str], change: dict[str, str], status: int
) -> None:
    answer = client(tmp_path / "record").post("/compute", json={**job(tmp_path), **change}, headers=headers)
    assert answer.status_code == status
    assert lines(tmp_path / "record") == []
