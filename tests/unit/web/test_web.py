"""
The HTTP API: who may ask, what bad bodies get, what the debug API tells.

Does not prove what the use cases do with a message (tests/unit/use_cases does), nor anything of uvicorn; the
command line's tests meet a real one.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs_module.domain.explain.outages import ServerFault
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.study.lifecycle import Event
from pacs_module.service.loop import Loop
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, answer, handover_id, series_answer
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file
from tests.fakes.world import FakePacs

HERE, ELSEWHERE = ("127.0.0.1", 1), ("192.168.1.7", 1)
WITH_KEY = {"X-API-Key": KEY}
POSTS = ["notify", "pull_report", "result", "pull", "redo", "cancel", "done", "priority"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Service, FakePacs]]:
    with service_on(settings_file(tmp_path)) as pair:
        yield pair


@pytest.fixture
def service(served: tuple[Service, FakePacs]) -> Service:
    return served[0]


@pytest.fixture
def client(service: Service) -> TestClient:
    """
    A process on this machine; an error in the application is an answer 500, not an exception of the test.
    """
    return TestClient(create_app(service), raise_server_exceptions=False, client=HERE)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


# --- keys ---


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}, {"X-API-Key": KEY[:-1]}]
)
def test_every_change_needs_the_key_also_from_loopback(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(f"/api/v1/dcm/{path}", json={}, headers=headers)
    assert answer.status_code == 401
    assert "API key" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers", [WITH_KEY, {"Authorization": f"Bearer {KEY}"}, {"Authorization": basic(KEY)}]
)
def test_the_key_comes_in_three_ways(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/v1/dcm/result", json={}, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic %%%",
        "Basic \xe9\xe9\xe9\xe9",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Digest x",
        "",
    ],
)
def test_an_odd_authorization_is_no_key_and_no_error(client: TestClient, header: str) -> None:
    answer = client.post("/api/v1/dcm/result", json={}, headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/v1/dcm/debug?PatientID=P1", "/api/v1/studies", "/api/v1/dcm/pull?StudyInstanceUID=" + UID]
)
def test_reading_needs_no_key_from_loopback_and_one_from_elsewhere(
    served: tuple[Service, FakePacs], client: TestClient, path: str
) -> None:
    found(*served)
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"X-Forwarded-For": "192.168.1.7"}).status_code == 401, (
        "a proxy speaks for somebody else"
    )
    far = TestClient(create_app(served[0]), client=ELSEWHERE)
    assert far.get(path).status_code == 401
    assert far.get(path, headers=WITH_KEY).status_code == 200
    assert TestClient(create_app(served[0])).get(path).status_code == 401, "a client without an address"


# --- bad bodies ---


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b"NaN",
        b"[NaN]",
        b"\xff\xfe",
        b'{"studyUID": null}',
        b'{"studyUID": {"a": 1}, "handoverID": [], "AccessionNumber": {"a": 1}}',
        b'{"studyUID": "\\ud800", "seriesUID": "\\ud800", "state": "\\ud800", "outcome": "\\ud800"}',
        b'{"AccessionNumber": "\\ud800*"}',
        b'{"studyUID": "1", "seriesUID": "1", "state": "completed", "result": 5, "numberReceived": NaN}',
        b'{"studyUID": "1", "pullID": "1", "reportID": "1", "outcome": "short", "received": "many"}',
        b'{"studyUID": "1", "numberReceived": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_bad_body_is_the_callers_error(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(
        f"/api/v1/dcm/{path}", content=body, headers={**WITH_KEY, "Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 404, 422), answer.text
    assert answer.json()


def test_a_bad_message_is_answered_with_key_value_and_what_is_allowed(client: TestClient) -> None:
    body = {"studyUID": UID, "seriesUID": THIN, "state": "finished"}
    answer = client.post("/api/v1/dcm/result", json=body, headers=WITH_KEY)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "state = 'finished' is not allowed: completed, unsupported_series, failed",
        "key": "state",
        "value": "finished",
        "allowed": "completed, unsupported_series, failed",
    }


@pytest.mark.parametrize(
    ("path", "key", "allowed"),
    [
        ("/api/v1/studies?studydate=2020-06-18", "studydate", "studyDate"),
        ("/api/v1/dcm/debug?PatientID=P1&accessionNumber=A1", "accessionNumber", "AccessionNumber"),
        ("/api/v1/reconcile?day=2020-06-18", "day", "date"),
    ],
)
def test_a_parameter_that_nobody_reads_is_named(
    client: TestClient, path: str, key: str, allowed: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["key"]) == (400, key)
    assert allowed in answer.json()["allowed"]


# --- messages ---


def test_notification_report_and_result_go_their_way(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    service, _ = served
    message = Pipeline().message(None)

    def post(path: str, body: dict[str, Any]) -> Any:
        return client.post(f"/api/v1/dcm/{path}", json=body, headers=WITH_KEY)

    assert post("notify", message).json() == {"accepted": True}
    assert post("notify", message).json() == {"accepted": False}
    report = {"reportID": "R", "pullID": "x", "studyUID": UID, "outcome": "received"}
    assert post("pull_report", report).json() == {"known": True}
    assert post("pull_report", {**report, "studyUID": "9.9"}).json() == {"known": False}
    result = {
        "studyUID": UID,
        "seriesUID": THIN,
        "state": "completed",
        "handoverID": None,
        "result": {"lungVolumeMl": 4100.5},
    }
    assert post("result", result).json() == {"answer": "recorded"}
    assert post("result", result).json() == {"answer": "known already"}
    assert post("result", {**result, "studyUID": "9.9"}).status_code == 404
    study = service.store.get(UID)
    assert study is not None
    assert study.handovers[0].result_values == {"lungVolumeMl": 4100.5}


def test_a_manual_pull_says_who_asked(served: tuple[Service, FakePacs], client: TestClient) -> None:
    found(*served)
    body = {"AccessionNumber": "A1", "by": "Dr. Li"}
    answer = client.post("/api/v1/dcm/pull", json=body, headers=WITH_KEY)
    assert [(found["studyUID"], found["studyDate"], found["pacs"]) for found in answer.json()["studies"]] == [
        (UID, "2020-06-18", ["A"])
    ]
    study = served[0].store.get(UID)
    assert study is not None
    assert study.history[-1].by == "manual: Dr. Li"
    assert client.post("/api/v1/dcm/pull", json={"AccessionNumber": "*"}, headers=WITH_KEY).status_code == 400


def test_a_manual_pull_of_what_nobody_can_ask_for_is_refused(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    """With the misspelt key left out the whole study would be pulled, and filtered."""
    found(*served)
    body = {"StudyInstanceUID": UID, "seriesInstanceUID": THICK}
    answer = client.post("/api/v1/dcm/pull", json=body, headers=WITH_KEY)
    assert (answer.status_code, answer.json()["key"], answer.json()["value"]) == (
        400,
        "seriesInstanceUID",
        THICK,
    )
    assert "SeriesInstanceUID" in answer.json()["allowed"]


def test_a_manual_pull_by_a_uid_as_it_stands_in_a_header(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    found(*served)
    answer = client.post("/api/v1/dcm/pull", json={"StudyInstanceUID": f"{UID}\0"}, headers=WITH_KEY)
    assert [one["studyUID"] for one in answer.json()["studies"]] == [UID]


# --- what people ask ---


@pytest.mark.parametrize(
    "query",
    [
        "AccessionNumber=A1",
        "StudyInstanceUID=" + UID,
        "PatientID=%20P1%20",
        "StudyInstanceUID=" + UID + "%00",
        "SeriesInstanceUID=" + THICK,
        "PatientID=P1&AccessionNumber=A1",
    ],
)
def test_debug_finds_a_study_by_each_of_its_names(service: Service, client: TestClient, query: str) -> None:
    service.accept(Pipeline().message(None))
    told = client.get(f"/api/v1/dcm/debug?{query}").json()
    assert told["found"] == 1
    study = told["studies"][0]
    assert (study["studyUID"], study["state"]) == (UID, "pull_data_end")
    assert study["filtered"] == [f"{THICK} filter because SliceThickness 8"]
    assert study["next"]["what"] == "delivery number 1 is published to RabbitMQ"


def test_debug_says_what_comes_next_and_when(served: tuple[Service, FakePacs], client: TestClient) -> None:
    found(*served)
    step = client.get("/api/v1/dcm/debug?AccessionNumber=A1").json()["studies"][0]["next"]
    assert step["what"].startswith("the next find counts its instances")
    assert 300 < step["inSeconds"] <= 600
    assert step["at"].endswith("+00:00")


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("AccessionNumber=%20", 400), ("AccessionNumber=A9", 404)]
)
def test_debug_of_nothing(
    served: tuple[Service, FakePacs], client: TestClient, query: str, status: int
) -> None:
    found(*served)
    assert client.get(f"/api/v1/dcm/debug?{query}").status_code == status


HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*", "application/json"),
        ("application/json, text/html", "application/json"),
        ("", "application/json"),
    ],
)
def test_a_browser_gets_a_page_and_everybody_else_json(
    served: tuple[Service, FakePacs], client: TestClient, accept: str, kind: str
) -> None:
    found(*served)
    answer = client.get("/api/v1/dcm/debug?AccessionNumber=A1", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(kind)
    other = client.get(
        f"/api/v1/dcm/debug?AccessionNumber=A1&format={'json' if kind == 'text/html' else 'html'}"
    )
    assert other.headers["content-type"].startswith(
        "application/json" if kind == "text/html" else "text/html"
    )


def test_nothing_that_anybody_wrote_becomes_markup(service: Service, client: TestClient) -> None:
    message = Pipeline().message(
        None, numberReceived=81, filepath=f"/{HOSTILE}", completeness=HOSTILE, message=HOSTILE
    )
    message["identity"] = {"AccessionNumber": HOSTILE, "PatientID": "P1", "StudyDescription": HOSTILE}
    for series in message["seriesReports"]:
        series["because"] = series["seriesDescription"] = series["modality"] = HOSTILE
    service.accept(message)
    service.accept({**message, "studyUID": "1.2.3", "handoverID": handover_id(2)})
    client.post(
        "/api/v1/dcm/result",
        json={
            "studyUID": UID,
            "seriesUID": THIN,
            "state": "completed",
            "message": HOSTILE,
            "result": {HOSTILE: HOSTILE},
        },
        headers=WITH_KEY,
    )
    named = (
        ("PatientID", "P1"),
        ("StudyInstanceUID", UID),
        ("AccessionNumber", HOSTILE),
        ("AccessionNumber", HOSTILE + "x"),
    )
    for query in (dict([name]) for name in named):
        page = client.get("/api/v1/dcm/debug", params=query, headers={"Accept": "text/html"})
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "&lt;script&gt;alert(&#x27;x&#x27;)" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"


def test_the_page_tells_times_on_the_hospitals_clock(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    found(*served)
    first = client.get("/api/v1/dcm/debug?AccessionNumber=A1").json()["studies"][0]["timeline"][0]["at"]
    local = datetime.fromisoformat(first).astimezone(ZoneInfo("Asia/Shanghai"))
    page = client.get("/api/v1/dcm/debug?AccessionNumber=A1&format=html").text
    assert f'<time datetime="{first}">{local:%Y-%m-%d %H:%M:%S}</time>' in page
    assert "the next find counts its instances" in page


def test_a_browser_that_names_nothing_is_asked_which_study(client: TestClient) -> None:
    answer = client.get("/api/v1/dcm/debug", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "Which study?" in answer.text


def test_what_is_not_known_here_is_asked_for_at_the_pacs(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    served[1].studies["A"] = [answer()]
    served[1].series["A"] = [series_answer(THIN, 80)]
    told = client.get("/api/v1/dcm/debug?AccessionNumber=A1")
    assert told.status_code == 404
    assert told.json()["found"] == 0
    assert told.json()["pacs"]["A"]["studies"][0]["would"].startswith(
        "1 of 1 series would be pulled, but no find asks for"
    )
    page = client.get("/api/v1/dcm/debug?AccessionNumber=A1&format=html")
    assert page.status_code == 404
    assert "1 of 1 series would be pulled" in page.text
    assert served[0].store.count({}) == 0, "nothing is written"
    assert "pacs" not in client.get("/api/v1/dcm/debug?AccessionNumber=A1&askPACS=false").json()


def test_whoever_is_waited_for_is_named(service: Service, client: TestClient) -> None:
    service.accept(Pipeline().message(None))
    service.circuit.failed("connection refused", down=True)
    step = client.get(f"/api/v1/dcm/debug?StudyInstanceUID={UID}").json()["studies"][0]["next"]
    assert step["waitsFor"][0].startswith("the backend is down (connection refused); tried again 20")


def test_the_documents_of_a_day(served: tuple[Service, FakePacs], client: TestClient) -> None:
    found(*served)
    told = client.get("/api/v1/studies?studyDate=2020-06-18&state=meta_only&modality=CT").json()["studies"]
    assert [study["studyUID"] for study in told] == [UID]
    assert client.get("/api/v1/studies?studyDate=2020-06-18&modality=ct").json()["studies"] == told
    assert client.get("/api/v1/studies?studyDate=2020-06-19").json() == {"studies": []}
    assert client.get("/api/v1/studies?state=done").status_code == 400
    assert client.get("/api/v1/studies?studyDate=18.6.2020").status_code == 422


def test_health_counts_and_names_no_secret(served: tuple[Service, FakePacs], client: TestClient) -> None:
    found(*served)
    told = client.get("/health")
    assert told.json()["studies"]["meta_only"] == 1
    assert told.json()["status"] == "starting or degraded", "no loop runs here"
    assert "another-secret-word" not in told.text


def test_alive_is_not_yet_ready(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["store"]) == (503, "ok")
    assert "publish" in answer.json()["deadLoops"]
    monkeypatch.setattr(Loop, "alive", lambda loop: True)
    fine = {"store": "ok", "pluginRecords": "ok", "waitsFor": []}
    assert client.get("/health/ready").json() == {"ready": True, "deadLoops": [], "stuckLoops": [], **fine}
    service.store.close()
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "closed" in answer.json()["store"]
    whole = client.get("/health")
    assert (whole.status_code, whole.json()["studies"]) == (200, {}), "the rest is told all the same"
    assert "closed" in whole.json()["store"]
    service.loops["claims"].fault = ServerFault("store at db:27017", "no server answers", 1_000)
    monkeypatch.setattr(
        type(service.store),
        "get",
        lambda *_: pytest.fail("health waits for a store that is known to be away"),
    )
    assert (client.get("/health/ready").json()["store"], client.get("/health").json()["store"]) == (
        "no server answers",
    ) * 2


def test_plugins_whose_journal_or_folder_is_gone_are_not_ready(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K14."""
    monkeypatch.setattr(Loop, "alive", lambda loop: True)
    for whole, status, word in ((True, 200, "ok"), (False, 503, "journal"), (True, 200, "ok")):
        service.ram_disk.take("", {"recordsWhole": whole})
        answer = client.get("/health/ready")
        assert (answer.status_code, word in answer.json()["pluginRecords"]) == (status, True)
        assert word in client.get("/health").json()["pluginRecords"]
    service.ram_disk.take("", {})  # plugins of an earlier version
    assert client.get("/health/ready").status_code == 200


def test_who_is_away_is_told_with_since_and_why_and_who_waits(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loop, "alive", lambda loop: True)
    service.circuit.failed("connection refused", down=True)
    rabbitmq = "RabbitMQ at 127.0.0.1:5672"
    service.loops["publish"].fault = ServerFault(rabbitmq, "no route to host", 2_000)
    service.loops["WORKER-1"].fault = ServerFault(rabbitmq, "connection refused", 1_000)
    service.loops["watch"].fault = ServerFault("", "unexpected KeyError, see the log", 3_000)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["ready"]) == (200, True), (
        "that others are away is no fault of ours"
    )
    first, second, third = answer.json()["waitsFor"]
    assert first == {
        "what": rabbitmq,
        "since": "1970-01-01T00:00:01.000+00:00",
        "because": "no route to host",
        "loops": ["WORKER-1", "publish"],
    }
    assert (second["what"], second["loops"]) == ("loop watch", ["watch"])
    assert (third["what"], third["because"]) == ("backend at 127.0.0.1:1", "connection refused")
    assert third["loops"] == ["WORKER-1", "WORKER-2"]
    whole = client.get("/health").json()
    assert (whole["backend"]["circuit"], whole["waitsFor"]) == ("open", answer.json()["waitsFor"])
    metrics = client.get("/metrics").text
    assert "aipull_backend_circuit 2.0" in metrics
    assert f'aipull_away_seconds{{server="{rabbitmq}"}}' in metrics
    service.loops["publish"].fault = service.loops["WORKER-1"].fault = None
    assert rabbitmq not in client.get("/metrics").text


def test_a_pacs_that_another_process_finds_at_is_told_too(service: Service, client: TestClient) -> None:
    service.leases.leases.take("find A", "elsewhere:1")
    service.leases.leases.note("find A", "elsewhere:1", {"circuit": "open"})
    service.find_loops["A"]()
    (told,) = client.get("/health/ready").json()["waitsFor"]
    assert (told["what"], told["loops"]) == ("PACS A", ["find A"])
    assert told["because"] == "elsewhere:1 finds there and gets no answer"


def test_a_step_that_takes_too_long_is_not_ready(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loop, "alive", lambda loop: True)
    service.loops["publish"]._began = time.monotonic() - 1000
    service.loops["WORKER-1"]._began = time.monotonic() - 1000  # it may wait so long for a result
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    (told,) = answer.json()["stuckLoops"]
    assert (told["loop"], told["forS"] >= 1000) == ("publish", True)
    assert client.get("/health").json()["loops"]["publish"]["stuck"]
    assert 'aipull_loop_stuck{loop="publish"} 1.0' in client.get("/metrics").text


# --- a path of moves that is broken (K4) ---


def test_a_pacs_that_does_not_know_us_is_told_with_what_to_do(
    client: TestClient, served: tuple[Service, FakePacs]
) -> None:
    service, pacs = served
    found(service, pacs)
    blame = service.paths.judge("A", PullFailure(FailureKind.NO_DESTINATION, "A801", "0xA801"), 0)
    service.paths.failed("A", "1.2.3", blame)
    told = "A does not know our AE title AIPULL: register it as a move destination"
    health = client.get("/health").json()
    assert health["status"] != "ok"
    assert (health["pacs"]["A"]["moves"]["circuit"], health["pacs"]["A"]["moves"]["why"]) == ("open", told)
    assert [entry["because"] for entry in health["waitsFor"] if entry["what"] == "moves from PACS A"] == [
        told
    ]
    assert b'aipull_move_path{pacs="A"} 2.0' in client.get("/metrics", headers=WITH_KEY).content
    (study,) = client.get(f"/api/v1/dcm/debug?StudyInstanceUID={UID}").json()["studies"]
    assert [words for words in study["next"]["waitsFor"] if told in words]
    assert told in client.get(f"/api/v1/dcm/debug?StudyInstanceUID={UID}&format=html").text
    service.paths.came_through("A", "1.2.4")
    assert told not in client.get("/health").text


class _Plugins:
    """What the plugins say of receptions, and how often they were asked."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told, self.asked = told, 0

    def reception(self, study_uid: str) -> dict[str, Any] | None:
        self.asked += 1
        return self.told.get(study_uid)


RECEPTION = {
    "state": "open",
    "counts": {THIN: 17},
    "whyOpen": {"reason": "series_incomplete", "words": "17 of 20", "waitsFor": "the images"},
}


def test_debug_says_why_the_reception_of_a_pulled_study_is_still_open(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    service, pacs = served
    found(service, pacs)
    plugins: Any = _Plugins({UID: RECEPTION})
    service.images = plugins
    query = f"/api/v1/dcm/debug?StudyInstanceUID={UID}"
    assert "reception" not in client.get(query).json()["studies"][0]  # it waits for its turn: nobody is asked
    assert plugins.asked == 0
    study = service.store.get(UID)
    assert study is not None
    study.apply(Event.PULL_ASKED, "asked", 0)
    assert service.store.replace(study)
    assert client.get(query).json()["studies"][0]["reception"] == RECEPTION


def test_debug_of_a_push_that_is_not_known_yet_says_that_it_arrives(
    service: Service, client: TestClient
) -> None:
    plugins: Any = _Plugins({"1.2.9": RECEPTION})
    service.images = plugins
    answer = client.get("/api/v1/dcm/debug?StudyInstanceUID=1.2.9&askPACS=false")
    assert (answer.status_code, answer.json()["reception"]) == (404, RECEPTION)
    assert "reception" not in client.get("/api/v1/dcm/debug?StudyInstanceUID=1.2.8&askPACS=false").json()


def test_debug_answers_without_a_reception_where_orthanc_does_not(
    served: tuple[Service, FakePacs], client: TestClient
) -> None:
    service, pacs = served
    found(service, pacs)
    study = service.store.get(UID)
    assert study is not None
    study.apply(Event.PULL_ASKED, "asked", 0)
    assert service.store.replace(study)
    answer = client.get(f"/api/v1/dcm/debug?StudyInstanceUID={UID}")
    assert answer.status_code == 200
    assert "reception" not in answer.json()["studies"][0]
