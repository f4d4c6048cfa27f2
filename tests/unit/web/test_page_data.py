"""
Answers to a page: the same data as JSON from the same route, so that nothing is only for eyes.

The routing table is walked: a page that is added is looked at without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pacs_module.adapters.stores.judged_headers import records_of
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rehearse.record import RECEPTION, JudgedStudy, encode, header
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import Study
from pacs_module.ports import StoredRecord
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.page_support.site import NAVIGATION
from tests.fakes.pipeline import THIN, UID
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file
from tests.support.pages.department import Letters
from tests.support.pages.routes import places

HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}
NAMED = {
    "study_uid": UID,
    "series_uid": THIN,
    "kind": "xlsx",
    "language": "en",
    "theme": "dark",
    "serial": "R1",
}
NEVER_ENDS = "/events"
ASKED = {"/api/v1/dcm/debug": f"?StudyInstanceUID={UID}"}
"""What a route cannot do without."""
OTHER = "1.2.840.113619.2.55.3.77"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("data")
    file = settings_file(folder)
    site = folder / "site_config.py"
    site.write_text("# ours\n", encoding="utf-8")
    file.write_text(f'site_config = "{site}"\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
    with service_on(file) as (service, pacs):
        found(service, pacs)
        service.queue = Letters()  # type: ignore[assignment]
        yield service


@pytest.fixture
def client(service: Service) -> TestClient:
    client = TestClient(create_app(service), raise_server_exceptions=False, client=("127.0.0.1", 1))
    client.follow_redirects = False
    return client


def pages(service: Service, client: TestClient) -> dict[str, int]:
    """The addresses that answer a browser with a page, with their status."""
    told = {}
    for method, path in places(create_app(service).routes):
        if method != "GET" or path == NEVER_ENDS:
            continue
        address = re.sub(r"\{(\w+)\}", lambda place: NAMED[place[1]], path) + ASKED.get(path, "")
        shown = client.get(address, headers=HTML)
        if shown.headers.get("content-type", "").startswith("text/html"):
            told[address] = shown.status_code
    return told


def test_every_route_that_shows_a_page_gives_its_data(service: Service, client: TestClient) -> None:
    shown = pages(service, client)
    assert {address for address, _ in NAVIGATION} <= set(shown)
    assert len(shown) > len(NAVIGATION)
    for address, status in shown.items():
        told = client.get(address, headers=JSON)
        assert (told.status_code, told.headers["content-type"]) == (status, "application/json"), address
        assert isinstance(told.json(), dict), address
        assert client.get(address, params={"format": "json"}, headers=HTML).headers["content-type"] == (
            "application/json"
        ), address


@pytest.mark.parametrize(
    ("address", "keys"),
    [("/destinations", {"results"}), ("/log", {"logLevel"}), ("/reconciliation", {"job"})],
)
def test_what_stands_beside_the_view_is_data_too(client: TestClient, address: str, keys: set[str]) -> None:
    assert keys <= client.get(address, headers=JSON).json().keys()


def filtered(service: Service) -> None:
    """Dropped at the time, for want of a keyword."""
    facts = SeriesFacts(f"{OTHER}.1", {"Modality": "CT", "BodyPartExamined": "STND"}, 300)
    day = service.clock.today().isoformat()
    judged = JudgedStudy(OTHER, day, "A").with_headers(
        [header(facts, judge_series(facts, Switches()), RECEPTION, "filtered")]
    )
    records_of(service.store).put(StoredRecord(OTHER, day, encode(judged)), None)
    service.store.insert(Study(OTHER, day, state=State.UNSUPPORTED_SERIES))


def form_token(client: TestClient, page: str) -> str:
    told = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get(page, headers=HTML).text)
    assert told is not None
    return told[1]


def test_a_person_lists_and_pulls_what_the_rules_in_force_take_now(
    service: Service, client: TestClient
) -> None:
    filtered(service)
    assert client.get("/rehearsal?budget=5", headers=JSON).json()["plan"]["studies"] == []
    client.post("/sign-in", data={"name": "Dr. Li", "key": KEY, "next": "/"})
    told = {"why": "CT-3 writes STND", "form_token": form_token(client, "/rehearsal?set=KEYWORDS%2B%3DSTND")}
    assert client.post("/rehearsal/apply", data={"set": "KEYWORDS+=STND", **told}).status_code == 303
    service.look_for_rules()
    plan = client.get("/rehearsal?budget=5", headers=JSON).json()["plan"]
    assert [(one["studyUID"], one["images"]) for one in plan["studies"]] == [(OTHER, 300)]
    assert OTHER in client.get("/rehearsal?budget=5", headers=HTML).text
    before = service.store.get(OTHER)
    assert before is not None
    assert not before.waits_for_pull, "a list pulls nothing"
    done = client.post("/rehearsal/pull", data={"studies": OTHER, **told})
    assert (done.status_code, done.headers["location"]) == (303, "/rehearsal")
    study = service.store.get(OTHER)
    assert study is not None
    assert study.waits_for_pull
    assert study.history[-1].by == "manual: Dr. Li"


def test_a_budget_beyond_a_page_is_refused(client: TestClient) -> None:
    assert client.get("/rehearsal?budget=501", headers=JSON).status_code == 422
