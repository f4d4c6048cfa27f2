"""
What a server may answer, byte by byte: an answer or one of our own errors, never another one (K5).

Does not prove that a 2xx whose headers are cut off is no acceptance: HTTP has no sign for their end but the
blank line.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from pacs_module.domain.errors import Busy, PipelineError, Refused, RetriableError
from pacs_module.shared.http import HttpLink, checked

REDIRECTED = "redirects are not followed"


def answer(status: str, *headers: str, body: str = "{}") -> bytes:
    lines = [f"HTTP/1.1 {status} word", *headers]
    if not any(header.lower().startswith(("content-length", "transfer")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", body]).encode("latin-1")


def read_request(connection: socket.socket) -> None:
    """
    The whole request: what is closed with something unread is reset, and the client may lose the answer.
    """
    head, body = b"", b""
    while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    told = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
    while told and len(body) < int(told[1]) and (piece := connection.recv(65536)):
        body += piece


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """A server that answers one request with these bytes, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                read_request(connection)
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/compute"
        thread.join()


ACCEPTED = {
    "100 before it": b"HTTP/1.1 100 Continue\r\n\r\n" + answer("200"),
    **{
        f"{code} before it": b"HTTP/1.1 %d Wait\r\nX: y\r\n\r\n" % code + answer("200")
        for code in (102, 103, 199)
    },
    "102 now and then": b"HTTP/1.1 102 Processing\r\n\r\n" * 30 + answer("202"),
    "lines that end with LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
    "a content type of nonsense": answer("200", 'Content-Type: ;;;="'),
    "a character set that nobody knows": answer("200", "Content-Type: text/html; charset=klingon"),
    "chunks with extensions": answer(
        "200", "Transfer-Encoding: chunked", body="2;a=b\r\n{}\r\n0\r\nT: x\r\n\r\n"
    ),
    "two answers": answer("200") + answer("500"),
    "299": answer("299"),
    "204": answer("204", "Content-Length: 0", body=""),
    "a Refresh header": answer("200", "Refresh: 0; url=http://127.0.0.1:1/"),
    "length and chunks": answer(
        "200", "Content-Length: 2", "Transfer-Encoding: chunked", body="2\r\n{}\r\n0\r\n\r\n"
    ),
    "a length below 0": answer("200", "Content-Length: -5"),
    "a length that is no number": answer("200", "Content-Length: two"),
    "header bytes that are no text": answer("200", "X: \xff\xfe"),
    "a cookie": answer("200", "Set-Cookie: a=b"),
}
REFUSED = {
    "early hints, then a redirect": b"HTTP/1.1 103 Hints\r\n\r\n" + answer("301", "Location: /x"),
    "switching protocols": answer("101", "Upgrade: x"),
    "304": answer("304"),
    "early hints, then a refusal": b"HTTP/1.1 103 Hints\r\n\r\n" + answer("400"),
    "a script as target": answer("302", "Location: javascript:alert(1)"),
    "a file as target": answer("302", "Location: file:///etc/passwd"),
    "the same address": answer("301", "Location: /compute"),
    "401 by NTLM": answer("401", "WWW-Authenticate: NTLM"),
    "421": answer("421"),
    "305": answer("305", "Location: http://127.0.0.1:1"),
    "a target of bytes that are no text": answer("302", "Location: \xff\xfe\r\n more"),
    "a target with a password": answer("307", "Location: http://u:p@127.0.0.1:1/"),
    "a target of 60,000 characters": answer("308", f"Location: /{'x' * 60_000}"),
    "401 with a nonce": answer("401", 'WWW-Authenticate: Digest realm="x", nonce="y"'),
    "407": answer("407", "Proxy-Authenticate: Basic"),
}
AGAIN = {
    "no HTTP": b"<html>hello</html>",
    "a status of five digits": answer("99999"),
    "a status below 0": answer("-1"),
    "600": answer("600"),
    "two lengths": answer("200", "Content-Length: 2", "Content-Length: 5"),
    "10 GB announced": answer("200", "Content-Length: 10737418240"),
    "a chunk without a length": answer("200", "Transfer-Encoding: chunked", body="zz\r\n{}\r\n"),
    "a chunk below 0": answer("200", "Transfer-Encoding: chunked", body="-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of 281 TB": answer("200", "Transfer-Encoding: chunked", body="FFFFFFFFFFFF\r\n{}"),
    "chunks without an end": answer("200", "Transfer-Encoding: chunked", body="2\r\n{}\r\n"),
    "deflate": answer("200", "Content-Encoding: deflate"),
    "two codings": answer("200", "Content-Encoding: identity, gzip"),
    "nothing": b"",
    "binary": b"\x00\xff" * 500,
    "20,000 times 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "408": answer("408"),
    "interim answers without an end": b"HTTP/1.1 102 Processing\r\n\r\n" * 20_000,
    "interim answers, then nothing": b"HTTP/1.1 102 Processing\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x28",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "ICY": b"ICY 200 OK\r\n\r\n{}",
    "letters in the status": b"HTTP/1.1 2OO OK\r\n\r\n",
    "511 of a portal": answer("511", body="<html>log in</html>"),
    "a gzip bomb": answer("200", "Content-Encoding: gzip") + b"\x1f\x8b" + b"\0" * 1000,
}


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("raw", ACCEPTED.values(), ids=ACCEPTED)
def test_any_2xx_is_an_acceptance(raw: bytes, keep: bool) -> None:
    with answering(raw) as url:
        assert checked("B", HttpLink("B", keep=keep).call("POST", url, json_body={}, timeout=5)).ok


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_a_redirect_or_a_demand_is_refused_in_words(raw: bytes, keep: bool) -> None:
    with answering(raw) as url, pytest.raises(Refused) as refused:
        checked("B", HttpLink("B", keep=keep).call("POST", url, json_body={}, timeout=5))
    assert len(str(refused.value)) < 1_000
    if b"Location" in raw and b"103" not in raw:
        assert REDIRECTED in str(refused.value)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("raw", AGAIN.values(), ids=AGAIN)
def test_what_is_no_answer_is_tried_again(raw: bytes, keep: bool) -> None:
    with answering(raw) as url, pytest.raises(RetriableError):
        checked("B", HttpLink("B", keep=keep).call("POST", url, json_body={}, timeout=5))


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("9" * 5_000, timedelta(hours=1)),
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        ("\xb2", None),
        ("-5", None),
        ("1e9", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_a_time_to_wait_is_believed_up_to_an_hour(said: str, wait: timedelta | None) -> None:
    with answering(answer("503", f"Retry-After: {said}")) as url, pytest.raises(Busy) as busy:
        checked("B", HttpLink("B").call("POST", url, json_body={}, timeout=5))
    assert busy.value.wait == wait


@pytest.mark.parametrize(
    "url",
    [
        "", "//x", "http://[::1/", "http:// x/", "ftp://127.0.0.1/", "http://127.0.0.1:99999/",
        "http://a..b/",
        f"http://{'a' * 70}.x/", "http:///x", "http://\ud800/", "http://127.0.0.1:abc/", "localhost:1/",
        "http://*.x/",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_one_of_our_errors(url: str) -> None:
    with pytest.raises(PipelineError):
        HttpLink("B").call("GET", url, timeout=2)


@pytest.mark.parametrize("value", ["a\r\nb", "\u80f8", "\ud800"])
def test_so_is_a_header_that_cannot_be_sent(value: str) -> None:
    with pytest.raises(PipelineError):
        HttpLink("B", headers={"X-Key": value}).call("GET", "http://127.0.0.1:1/", timeout=2)
