"""The proxy of the storm does to a connection what it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.rig.proxy import Mode, Proxy
from tests.support.waiting import wait_for

PATIENCE_S = 60.0


class Echo:
    """Sends back what it gets, and notes it."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                try:
                    while data := connection.recv(1000):
                        self.got += data
                        connection.sendall(data)
                except OSError:
                    pass
            self.ended += 1

    def close(self) -> None:
        if self._listening.fileno() < 0:
            return
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE_S)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    proxy = Proxy(echo.port)
    yield proxy
    proxy.close()


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S)


def is_over(connection: socket.socket) -> bool:
    """Reset, or closed without a byte."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_it_passes_on_both_ways_and_the_end(proxy: Proxy, echo: Echo) -> None:
    with connected(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
    wait_for(lambda: echo.ended == 1)


def test_cut_resets_what_is_open_and_a_new_connection_works(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        proxy.cut()
        assert is_over(connection)
    with connected(proxy) as connection:
        connection.sendall(b"again")
        assert connection.recv(100) == b"again"


def test_refuse(proxy: Proxy, echo: Echo) -> None:
    proxy.mode = Mode.REFUSE
    with connected(proxy) as connection:
        assert is_over(connection)
    assert echo.got == b""


def test_hold_keeps_it_until_told_otherwise(proxy: Proxy, echo: Echo) -> None:
    with connected(proxy) as connection:
        connection.sendall(b"a")
        assert connection.recv(100) == b"a"
        proxy.mode = Mode.HOLD
        connection.sendall(b"b")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        assert echo.got == b"a"
        proxy.mode = Mode.PASS
        connection.settimeout(PATIENCE_S)
        assert connection.recv(100) == b"b"


def test_slow_loses_nothing(proxy: Proxy) -> None:
    proxy.mode = Mode.SLOW
    with connected(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"


def test_a_slow_line_loses_nothing_and_takes_its_time(proxy: Proxy, echo: Echo) -> None:
    sent = bytes(range(256)) * 250
    proxy.bytes_per_s = 4 * len(sent)
    begin = time.monotonic()
    with connected(proxy) as connection:
        connection.sendall(sent)
        wait_for(lambda: len(echo.got) == len(sent), seconds=PATIENCE_S)
        assert time.monotonic() - begin >= 0.25, "a machine that is busy makes it longer only"
    assert echo.got == sent


def test_halve(proxy: Proxy, echo: Echo) -> None:
    proxy.mode = Mode.HALVE
    with connected(proxy) as connection:
        connection.sendall(b"12345678")
        assert is_over(connection)
    wait_for(lambda: echo.ended == 1)
    assert echo.got in (b"1234", b"")  # a reset may overtake what was sent before it


def test_a_lost_answer_is_that_of_the_question_that_was_named(proxy: Proxy, echo: Echo) -> None:
    proxy.lose_answer(to=b"write")
    with connected(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        connection.sendall(b"write this")
        assert is_over(connection)
    with connected(proxy) as connection:
        connection.sendall(b"write that")
        assert connection.recv(100) == b"write that"
    assert b"write this" in echo.got


def test_of_several_targets_the_first_that_accepts_gets_it(echo: Echo) -> None:
    first = Echo()
    proxy = Proxy(first.port, echo.port)
    for server, words in ((first, b"one"), (echo, b"two")):
        with connected(proxy) as connection:
            connection.sendall(words)
            assert connection.recv(100) == words
        assert server.got == words
        first.close()
    proxy.close()


def test_nobody_listens_behind_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    proxy = Proxy(port)
    with connected(proxy) as connection:
        assert is_over(connection)
    proxy.close()
