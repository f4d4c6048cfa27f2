"""
The one HTTP policy: no proxy from outside, no redirects, bounded answers, time limits.

Does not prove that every link uses it; ``test_nobody_goes_round_the_policy`` reads that from the source.
"""

from __future__ import annotations

import gzip
import re
import socket
from pathlib import Path

import pytest

from pacs_module.domain.errors import Busy, Refused, RetriableError, Unreachable
from pacs_module.shared.http import HttpLink, address_of, checked
from stack.ports import free_ports
from tests.support.servers.raw_http import answer_of, raw_server

ROOT = Path(__file__).resolve().parents[3]
LINK = HttpLink("it", answer_bytes=1000)
KEPT = HttpLink("it", answer_bytes=1000, keep=True)
EITHER = pytest.mark.parametrize("link", [LINK, KEPT], ids=["once", "kept"])
"""A kept connection to plain HTTP goes without ``requests``: the policy is the same."""
PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxies_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    (dead,) = free_ports(1)
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{dead}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.mark.usefixtures("proxies_in_the_environment")
@pytest.mark.parametrize("keep", [True, False])
def test_a_proxy_of_the_environment_is_not_asked(keep: bool) -> None:
    with raw_server(answer_of("200 OK", b"here")) as server:
        link = HttpLink("it", keep=keep)
        assert [link.call("GET", server.url).body for _ in range(2)] == [b"here", b"here"]


@pytest.mark.usefixtures("proxies_in_the_environment")
def test_a_proxy_of_the_settings_is_asked() -> None:
    with raw_server(answer_of("200 OK", b"by proxy")) as proxy:
        answer = HttpLink("it", proxy=proxy.url).call("POST", "http://backend.invalid/compute", json_body={})
    assert (answer.body, proxy.requests[0].splitlines()[0]) == (
        b"by proxy",
        "POST http://backend.invalid/compute HTTP/1.1",
    )


def test_a_proxy_that_is_down_is_named() -> None:
    (dead,) = free_ports(1)
    with pytest.raises(Unreachable, match="through its proxy"):
        HttpLink("it", proxy=f"http://127.0.0.1:{dead}").call("GET", "http://backend.invalid/")


@EITHER
def test_a_netrc_of_the_environment_gives_no_password_away(
    link: HttpLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with raw_server(answer_of("200 OK")) as server:
        link.call("GET", server.url)
    assert "Authorization" not in server.requests[0]


@EITHER
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_a_redirect_is_a_refusal_that_names_it(link: HttpLink, status: int) -> None:
    with raw_server(answer_of(f"{status} Moved", b"", "Location: /app")) as server:
        answer = link.call("POST", server.url + "/compute", json_body={})
        with pytest.raises(Refused, match=f"{status} to /app: redirects are not followed") as caught:
            checked("it", answer)
    assert (caught.value.status, len(server.requests)) == (status, 1)


@EITHER
@pytest.mark.parametrize(
    ("headers", "shown"), [((), "nowhere"), (("Location: http://evil.invalid/\xe4",), "http://evil.invalid/")]
)
def test_a_redirect_without_a_target_and_one_to_anywhere(
    link: HttpLink, headers: tuple[str, ...], shown: str
) -> None:
    with raw_server(answer_of("302 Found", b"", *headers)) as server, pytest.raises(Refused, match=shown):
        checked("it", link.call("GET", server.url))


@EITHER
@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_2xx_whatever_stands_in_it(link: HttpLink, status: int) -> None:
    body = b"" if status == 204 else b"<html>a page</html>"
    with raw_server(answer_of(f"{status} OK", body)) as server:
        assert checked("it", link.call("POST", server.url, json_body={"a": 1})).status == status


@EITHER
@pytest.mark.parametrize(
    ("status", "kind"), [(500, RetriableError), (599, RetriableError), (503, Busy), (408, RetriableError)]
)
def test_what_can_pass(link: HttpLink, status: int, kind: type[Exception]) -> None:
    with (
        raw_server(answer_of(f"{status} x", b"\xff<words>\n\n more")) as server,
        pytest.raises(kind, match=r"\\xff<words> more"),
    ):
        checked("it", link.call("GET", server.url))


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def chunked(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")


@EITHER
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (endless, "more than 1000 bytes"),
        (chunked, "more than 1000 bytes"),
        (answer_of("200 OK", b"x" * 1001), "more than 1000 bytes"),
        (answer_of("500 no", b"x" * 1001), "more than 1000 bytes"),
        (
            answer_of("200 OK", gzip.compress(bytes(10**7))[:900], "Content-Encoding: gzip"),
            "compressed answer",
        ),
        (answer_of("200 OK", b"x", "Content-Encoding: br"), "compressed answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "it"),
        (b"no HTTP at all\r\n\r\n", "it"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "it"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "it"),
        (b"", "it"),
    ],
)
def test_a_bad_answer_is_a_passing_fault_and_costs_no_memory(
    link: HttpLink, answer: bytes, words: str
) -> None:
    with raw_server(answer) as server, pytest.raises(RetriableError, match=words):
        link.call("GET", server.url)


@EITHER
def test_an_answer_that_drips_comes_to_its_end(link: HttpLink) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not server.stopping.wait(0.05):
            connection.sendall(b"x")

    with raw_server(drip) as server, pytest.raises(RetriableError, match="does not end"):
        link.call("GET", server.url, timeout=0.5)


@EITHER
def test_one_that_says_nothing_is_waited_for_as_long_as_was_said(link: HttpLink) -> None:
    def silent(_: socket.socket) -> None:
        server.stopping.wait(10)

    with raw_server(silent) as server:
        with pytest.raises(RetriableError):
            link.call("GET", server.url, timeout=0.3)
        assert not server.stopping.is_set()
        server.stopping.set()


@EITHER
def test_the_answer_as_json_is_bounded(link: HttpLink) -> None:
    with raw_server(answer_of("200 OK", b"[" * 900)) as server, pytest.raises(RetriableError, match="nested"):
        link.call("GET", server.url).json()


@EITHER
def test_what_is_sent_can_always_be_sent(link: HttpLink) -> None:
    with raw_server(answer_of("200 OK")) as server:
        link.call("POST", server.url, json_body={"x": "\ud800", "n": float("nan")})
    assert "Content-Type: application/json" in server.requests[0]


def test_a_connection_is_kept_where_it_is_asked_for() -> None:
    seen: list[int] = []

    def twice(connection: socket.socket) -> None:
        for _ in range(2):
            seen.append(connection.fileno())
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.recv(65536)

    with raw_server(twice) as server:
        link = HttpLink("it", keep=True)
        assert [link.call("GET", server.url).body for _ in range(2)] == [b"ok", b"ok"]
    assert len(seen) == 2
    assert len(server.requests) == 1


def test_a_server_that_is_away_is_unreachable_also_for_a_kept_connection() -> None:
    (dead,) = free_ports(1)
    for link in (LINK, KEPT):
        with pytest.raises(Unreachable, match="it does not answer: Connection refused"):
            link.call("GET", f"http://127.0.0.1:{dead}/x?y=1")
        with pytest.raises(RetriableError, match="it does not answer"):
            link.call("GET", "http://nobody.invalid/")


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    with raw_server(answer_of("200 OK", b"here", "Connection: close")) as server:
        assert [KEPT.call("GET", f"{server.url}/a b?c=d").body for _ in range(2)] == [b"here", b"here"]
    assert server.requests[0].splitlines()[0] == "GET /a%20b?c=d HTTP/1.1"


def test_a_certificate_that_nobody_signed_is_not_believed() -> None:
    def hangs_up(connection: socket.socket) -> None:
        connection.close()

    with raw_server(hangs_up) as server, pytest.raises(RetriableError):
        LINK.call("GET", server.url.replace("http:", "https:"))
    session = HttpLink("it")._new_session()
    assert (session.verify, session.trust_env) == (True, False)


def test_the_address_for_people_holds_no_secret() -> None:
    assert address_of("https://user:word@ai:9/x?token=1") == "ai:9"


def test_nobody_goes_round_the_policy() -> None:
    own = re.compile(
        r"\brequests\.(get|post|put|delete|request|Session)\(|urlopen\(|httpx\.(get|post|Client|request)\("
    )
    files = [*(ROOT / "pacs_module").rglob("*.py"), *(ROOT / "orthanc/plugins").rglob("*.py")]
    found = [str(file.relative_to(ROOT)) for file in files if own.search(file.read_text(encoding="utf-8"))]
    assert found == ["pacs_module/shared/http.py"]
