"""
K5: an answer that comes a byte at a time, wherever it does so, takes a worker no longer than twice its limit;
no part of it is read without an end.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pacs_module.domain.errors import RetriableError
from pacs_module.shared.http import HttpLink, checked

LIMIT_S = 0.1
PAUSE_S = 0.01
LOADED_S = 5
"""On a loaded machine; without an end of its own a drip lasts for ten minutes."""
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "a status line": b"HTTP/1.1 200 " + b"O" * 60_000,
    "headers": HEAD + b"X: y\r\n" * 90 + b"X: " + b"y" * 60_000,
    "interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 900,
    "the extension of a chunk": CHUNKS + b"2;" + b"e" * 60_000,
    "lengths of chunks": CHUNKS + b"1\r\nx\r\n" * 9_000,
    "trailers": CHUNKS + b"2\r\n{}\r\n0\r\n" + b"T: x\r\n" * 9_000,
    "a body": HEAD + b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000,
    "a body without a length": HEAD + b"\r\n" + b"x" * 60_000,
}


@contextmanager
def sending(pieces: Iterator[bytes], pause_s: float, host: str = "127.0.0.1") -> Iterator[str]:
    """A server that sends these pieces to whoever asks."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:

        def serve() -> None:
            with suppress(OSError):
                client, _ = server.accept()
                with client:
                    client.recv(65_536)
                    for piece in pieces:
                        client.sendall(piece)
                        if pause_s:
                            time.sleep(pause_s)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{server.getsockname()[1]}/compute"
    thread.join(5)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("raw", DRIPS.values(), ids=DRIPS)
def test_k05_a_slow_drip_ends_within_twice_the_limit(raw: bytes, keep: bool) -> None:
    before = time.monotonic()
    pieces = (bytes([byte]) for byte in raw)
    with sending(pieces, PAUSE_S) as url, pytest.raises(RetriableError):
        checked("B", HttpLink("B", keep=keep).call("POST", url, json_body={}, timeout=LIMIT_S))
    assert time.monotonic() - before < LOADED_S


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("begin", "piece"),
    [(CHUNKS + b"2;", b"e" * 65_536), (HEAD + b"X: ", b"y" * 65_536), (b"HTTP/1.1 ", b"2" * 65_536)],
    ids=["the extension of a chunk", "a header", "a status"],
)
def test_k05_a_line_without_an_end_is_not_read_to_it(begin: bytes, piece: bytes, keep: bool) -> None:
    """Not even by who could read it fast: well before the time limit."""
    pieces = itertools.chain([begin], itertools.repeat(piece))
    before = time.monotonic()
    with sending(pieces, 0) as url, pytest.raises(RetriableError):
        checked("B", HttpLink("B", keep=keep).call("POST", url, json_body={}, timeout=60))
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("keep", [False, True])
def test_k05_an_address_of_ipv6_and_certificates_of_the_environment(
    keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NETRC"):
        monkeypatch.setitem(os.environ, name, "/nowhere")
    raw = HEAD + b"Content-Length: 2\r\n\r\n{}"
    with sending(iter([raw]), 0, "::1") as url:
        answer = checked("B", HttpLink("B", keep=keep).call("POST", url, json_body={}, timeout=5))
    assert answer.body == b"{}"
