"""
K8 at the HTTP API: what anybody may send, against a real uvicorn on a port (its protocol, not a test client).

The key comes first, then the size, then the body; answers can always be written. Memory is measured in the
process that serves.
"""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from pacs_module.ports import Delivery
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from pacs_module.web.request_guard import protocol
from stack.ports import LOOPBACK, free_ports
from tests.fakes.pipeline import Pipeline
from tests.fakes.served import KEY, service_on, settings_file
from tests.support.waiting import wait_for

DEEP = 100_000
MIB = 1 << 20
WITH_KEY = {"X-API-Key": KEY, "Content-Type": "application/json"}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Service, str, int]]:
    monkeypatch.setattr(protocol, "HEAD_S", 1.0)
    (port,) = free_ports(1)
    file = settings_file(tmp_path, port)
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("[store]", "max_body_mb = 1\nbody_timeout_s = 1.0\n[store]"), encoding="utf-8"
    )
    with service_on(file) as (service, _):
        config = uvicorn.Config(
            create_app(service), port=port, http=protocol.BoundedProtocol, log_level="warning"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="web")
        thread.start()
        try:
            wait_for(lambda: server.started, what="the API")
            yield service, f"http://{LOOPBACK}:{port}", port
        finally:
            server.should_exit = True
            thread.join(30)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("path", ["/api/v1/dcm/notify", "/api/v1/dcm/result", "/api/v1/dcm/pull", "/nowhere"])
@pytest.mark.parametrize("chunked", [False, True])
def test_300_mb_without_a_key_are_refused_and_cost_no_memory(
    served: tuple[Service, str, int], path: str, chunked: bool
) -> None:
    piece, before = b"[" * MIB, peak_mib()
    pieces = (piece for _ in range(300))
    data: Any = pieces if chunked else _Sized(pieces, 300 * MIB)
    answer = requests.post(
        served[1] + path, data=data, headers={"Content-Type": "application/json"}, timeout=120
    )
    assert answer.status_code == 401
    assert peak_mib() - before < 50


class _Sized:
    """
    An iterable of pieces with a length: requests sends it with Content-Length, without having it in memory.
    """

    def __init__(self, pieces: Iterator[bytes], size: int) -> None:
        self._pieces, self._size = pieces, size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


@pytest.mark.parametrize("chunked", [False, True])
def test_too_much_with_a_key_is_not_read_either(served: tuple[Service, str, int], chunked: bool) -> None:
    before = peak_mib()
    pieces = (b"[" * MIB for _ in range(50))
    data: Any = pieces if chunked else _Sized(pieces, 50 * MIB)
    answer = requests.post(served[1] + "/api/v1/dcm/result", data=data, headers=WITH_KEY, timeout=60)
    assert (answer.status_code, "1048576 bytes" in answer.json()["detail"]) == (413, True)
    assert peak_mib() - before < 50


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b"{" + b'"studyUID": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"studyUID": "1.2", "studyUID": "1.3"}',
        b'{"a": "' + b"x" * 900_000,
        b"[" + b"1," * 400_000 + b"1]",
        b"\xff\xfe\x00",
        b"nul",
        b'{"a": 1} {"b": 2}',
        "{}".encode("utf-16"),
        b'"text"',
        b"[]",
        b"1" * 5000,
    ],
    ids=range(14),
)
@pytest.mark.parametrize("path", ["notify", "result", "pull", "announced", "pull_report", "redo"])
def test_a_body_that_cannot_be_used_is_said_to_be_so(
    served: tuple[Service, str, int], path: str, body: bytes
) -> None:
    answer = requests.post(f"{served[1]}/api/v1/dcm/{path}", data=body, headers=WITH_KEY, timeout=30)
    assert answer.status_code in (400, 413, 422), answer.text
    assert len(answer.content) < 3000
    assert requests.get(served[1] + "/health/live", timeout=10).json()["alive"] is True


@pytest.mark.parametrize(
    "values",
    [
        {"handoverID": "x/../../../OUTSIDE"},
        {"handoverID": "../" * 20},
        {"studyUID": "..\\.."},
        {"filepath": "/store_image/../../etc"},
        {"numberReceived": float("nan")},
        {"numberReceived": 10**4000},
        {"studyUID": "\ud800"},
        {"priorities": 10**30},
        {"series": [{"seriesUID": "1.2", "filepath": "/etc", "numberReceived": 80}]},
        {"lastUpdateTime": "\0"},
    ],
)
def test_a_notification_with_a_hostile_value_is_refused(
    served: tuple[Service, str, int], values: dict[str, Any]
) -> None:
    body = json.dumps({**Pipeline().message(None), **values}).encode()
    answer = requests.post(served[1] + "/api/v1/dcm/notify", data=body, headers=WITH_KEY, timeout=30)
    assert answer.status_code == 400, answer.text
    assert answer.json()["key"].split(".")[0] in {*values, "filepath"}


def test_a_result_with_odd_values_is_recorded_and_shown(served: tuple[Service, str, int]) -> None:
    service, url, _ = served
    message = Pipeline().message(None)
    service.accept(message)
    body = (
        f'{{"studyUID": "{message["studyUID"]}", "seriesUID": "{message["seriesUID"]}", "state": "completed",'
        f' "message": "\\ud800", "result": {{"a": NaN, "b": 1e999, "\\udfff": {"9" * 5000}}}}}'
    )
    answer = requests.post(url + "/api/v1/dcm/result", data=body.encode(), headers=WITH_KEY, timeout=30)
    assert answer.json() == {"answer": "recorded"}
    for path in (f"dcm/debug?StudyInstanceUID={message['studyUID']}", "studies"):
        shown = requests.get(f"{url}/api/v1/{path}", headers=WITH_KEY, timeout=30)
        assert (shown.status_code, "\\\\ud800" in shown.text) == (200, True)


ODD = ["\ud800", {"\udfff": ["\ud83d"]}, float("nan"), 2**10_000, b"\xff", [[[[]]]] * 10]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_dead_letters_are_shown_whatever_is_in_them(
    served: tuple[Service, str, int], value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [
        Delivery({"x": value}, "m", False, 0, reason="given up"),
        Delivery({"studyUID": "1.2"}, "n", False, 0),
    ]
    monkeypatch.setattr(served[0].queue, "dead_letters", lambda limit: letters)
    answer = requests.get(served[1] + "/api/v1/dcm/dead_letters", headers=WITH_KEY, timeout=30)
    assert answer.status_code == 200
    first, second = answer.json()["deadLetters"]
    assert (first["reason"], second["message"]) == ("given up", {"studyUID": "1.2"})


def connected(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection((LOOPBACK, port), timeout=30)
    connection.sendall(sent)
    return connection


HEAD = (
    f"POST /api/v1/dcm/result HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"P",
        b"POST /api/v1/dcm/result HTTP/1.1\r\n",
        HEAD.encode(),
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health",
    ],
)
def test_who_never_ends_the_head_of_a_request_is_hung_up_on(
    served: tuple[Service, str, int], sent: bytes
) -> None:
    with connected(served[2], sent) as connection:
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received == b"" or received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "more", ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]
)
def test_who_never_ends_a_body_is_told_and_hung_up_on(served: tuple[Service, str, int], more: str) -> None:
    with connected(served[2], HEAD.encode() + more.encode()) as connection:
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "head",
    [
        b"POST /api/v1/dcm/result HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v1/dcm/result HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /api/v1/dcm/result HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000,
        b"\x16\x03\x01\x02\x00",
        b"A-ASSOCIATE-RQ\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_or_hung_up_on(served: tuple[Service, str, int], head: bytes) -> None:
    received = b""
    with connected(served[2], head) as connection:
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    assert received == b"" or received.split()[1] in (b"400", b"401", b"413")


def test_a_hundred_connections_that_say_nothing_keep_nobody_out(served: tuple[Service, str, int]) -> None:
    held = [connected(served[2], b"POST") for _ in range(100)]
    try:
        assert requests.get(served[1] + "/health/live", timeout=10).status_code == 200
        for connection in held:
            assert connection.recv(10) == b"", "hung up on"
    finally:
        for connection in held:
            connection.close()
