"""
One service at several addresses, over real sockets: one is dead, one hangs, one answers 503.

The plugins' notifier and their question of what a PACS has go this way. Does not prove that what is asked
twice is harmless: ``tests/contract`` and the chaos matrix do.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pacs_module.domain.errors import Busy, Refused, RetriableError, Unreachable
from pacs_module.shared import http_addresses
from pacs_module.shared.http import HttpLink
from pacs_module.shared.http_addresses import HttpAddresses
from stack.ports import free_ports
from tests.support.servers.raw_http import RawServer, answer_of, raw_server

LINK = HttpLink("pacs_module")
GOOD = answer_of("200 OK", b"taken")


@pytest.fixture
def good() -> Iterator[RawServer]:
    with raw_server(GOOD) as server:
        yield server


@pytest.fixture
def hanging() -> Iterator[RawServer]:
    """It takes the request and says nothing until the test is over."""
    over = threading.Event()

    def hang(_connection: socket.socket) -> None:
        over.wait(30)

    with raw_server(hang) as server:
        yield server
        over.set()


def dead() -> str:
    (port,) = free_ports(1)
    return f"http://127.0.0.1:{port}"


def test_the_next_one_is_asked_where_one_is_dead(good: RawServer) -> None:
    assert HttpAddresses(LINK, [dead(), good.url]).call("POST", "/notify", {"a": 1}).body == b"taken"
    assert good.bodies == [b'{"a": 1}']


def test_the_next_one_is_asked_where_one_says_not_now(good: RawServer) -> None:
    with raw_server(answer_of("503 Service Unavailable")) as busy:
        both = HttpAddresses(LINK, [busy.url, good.url])
        assert [both.call("POST", "/notify", {}).body for _ in range(3)] == [b"taken"] * 3
        assert (len(busy.requests), len(good.requests)) == (1, 3)


def test_the_next_one_is_asked_where_one_hangs(
    good: RawServer, hanging: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_addresses, "ANSWER_S", 0.2)
    both = HttpAddresses(LINK, [hanging.url, good.url])
    assert [both.call("POST", "/notify", {}).body for _ in range(2)] == [b"taken"] * 2
    assert len(hanging.requests) == 1


def test_before_what_takes_long_one_that_hangs_is_found_by_a_short_question(
    good: RawServer, hanging: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_addresses, "LOOK_S", 0.2)
    answer = HttpAddresses(LINK, [hanging.url, good.url]).call("POST", "/announced", {}, 300.0, slow=True)
    assert answer.body == b"taken"
    assert [one.splitlines()[0] for one in (*hanging.requests, *good.requests)] == [
        "GET /health/live HTTP/1.1",
        "GET /health/live HTTP/1.1",
        "POST /announced HTTP/1.1",
    ]


def test_a_refusal_is_an_answer(good: RawServer) -> None:
    with raw_server(answer_of("400 Bad Request")) as refusing:
        with pytest.raises(Refused):
            HttpAddresses(LINK, [refusing.url, good.url]).call("POST", "/notify", {})
        assert good.requests == []


def test_where_none_answers_the_last_error_is_told() -> None:
    with raw_server(answer_of("503 Service Unavailable")) as busy, pytest.raises(Busy):
        HttpAddresses(LINK, [dead(), busy.url]).call("POST", "/notify", {})
    with pytest.raises(Unreachable):
        HttpAddresses(LINK, [dead(), dead()]).call("POST", "/notify", {})


def test_one_alone_has_all_the_time_and_no_question_before(
    hanging: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_addresses, "ANSWER_S", 30.0)
    with pytest.raises(RetriableError):
        HttpAddresses(LINK, [hanging.url]).call("POST", "/announced", {}, 0.2, slow=True)
    assert [one.splitlines()[0] for one in hanging.requests] == ["POST /announced HTTP/1.1"]
