"""
What schemathesis makes of our own OpenAPI: whatever fits the description, and much that does not, is answered
without a 500.

A fixed seed and few examples: this finds a fault at every run or at none. Proves nothing of uvicorn.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Err, Ok

from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from tests.fakes.pipeline import Pipeline
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file

EXAMPLES = 8
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
HEADERS = {"X-API-Key": KEY}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service_on(settings_file(tmp_path_factory.mktemp("openapi"))) as (service, pacs):
        found(service, pacs)
        service.accept(Pipeline().message(None, studyUID="1.2.3"))
        yield service


def operations(description: dict[str, Any]) -> list[Any]:
    made = list(schemathesis.openapi.from_dict(description).get_all_operations())
    assert [one.err() for one in made if isinstance(one, Err)] == []
    return [one.ok() for one in made if isinstance(one, Ok)]


def test_no_500_whatever_is_asked(service: Service) -> None:
    app = create_app(service)
    client = TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 1))
    asked: dict[str, set[int]] = {}
    for operation in operations(app.openapi()):
        for mode in MODES:
            asked.setdefault(operation.label, set()).update(_statuses(client, operation, mode))
    assert len(asked) >= 11
    assert all(asked.values()), "each was asked"
    assert {label: statuses for label, statuses in asked.items() if 500 in statuses} == {}
    assert {200, 400, 404} <= asked["GET /api/v1/dcm/debug"]
    assert {400, 404} <= asked["POST /api/v1/dcm/result"]


def _statuses(client: TestClient, operation: Any, mode: GenerationMode) -> set[int]:
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        arguments = case.as_transport_kwargs(base_url="http://testserver", headers=HEADERS)
        arguments["content"] = arguments.pop("data", None)
        answer = client.request(**{name: value for name, value in arguments.items() if name != "cookies"})
        seen.add(answer.status_code)
        assert answer.status_code != 500, f"{operation.label} {arguments}: {answer.text}"

    with contextlib.suppress(Unsatisfiable):  # without parameters and body nothing can be asked amiss
        ask()
    return seen


def test_the_result_is_described_with_every_kind_of_answer(service: Service) -> None:
    described = create_app(service).openapi()["paths"]["/api/v1/dcm/result"]["post"]
    body = described["requestBody"]["content"]["application/json"]
    assert body["schema"]["required"] == ["studyUID", "seriesUID", "state"]
    assert body["schema"]["properties"]["state"]["enum"] == ["completed", "unsupported_series", "failed"]
    assert set(body["examples"]) == {"completed", "unsupported", "failed"}
    assert set(described["responses"]) == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "409",
        "413",
        "421",
        "422",
        "429",
        "503",
    }


@pytest.mark.parametrize("shown", ["completed", "unsupported", "failed"])
def test_each_example_is_what_it_says(service: Service, shown: str) -> None:
    app = create_app(service)
    examples = app.openapi()["paths"]["/api/v1/dcm/result"]["post"]["requestBody"]["content"][
        "application/json"
    ]["examples"]
    answer = TestClient(app).post("/api/v1/dcm/result", json=examples[shown]["value"], headers=HEADERS)
    assert answer.status_code == 404, "well formed, but nobody's"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (verb, f"/api/v1/dcm/{what}")
        for verb, what in (("get", "pull"), ("post", "redo"), ("post", "cancel"), ("post", "done"))
    ]
    + [("post", "/api/v1/dcm/priority"), ("get", "/api/v1/dcm/debug"), ("get", "/api/v1/reconcile")],
)
def test_what_may_be_unknown_says_so(service: Service, method: str, path: str) -> None:
    assert "404" in create_app(service).openapi()["paths"][path][method]["responses"]
