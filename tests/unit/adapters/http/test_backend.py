"""
The backend over HTTP: what is sent by path and as bytes, and what each answer means.

Does not prove what a real proxy makes of it; the whole way with real processes is
tests/integration/deliver/test_delivery_faults.py.
"""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.files.series_stream import PIECE, SeriesStream
from pacs_module.adapters.http.backend import HttpBackend
from pacs_module.domain.errors import Busy, Refused, RetriableError, Unreachable
from pacs_module.shared.http import host_and_port
from stack.ports import free_ports


class Told:
    """What a server was asked, and what it answers."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.status = 202
        self.words = ""
        self.more: dict[str, str] = {}
        self.url = ""


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.headers = dict(self.headers.items())
            told.body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(told.status)
            for name, value in told.more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.words.encode())))
            self.end_headers()
            self.wfile.write(told.words.encode())

        def log_message(self, *words: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/compute"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def folder_of(tmp_path: Path, **files: bytes) -> dict[str, Any]:
    for name, content in files.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return {"studyUID": "1.2.3", "filepath": str(tmp_path), "message": "胸"}


def test_by_path_the_message_is_the_body(told: Told) -> None:
    HttpBackend(told.url, "secret", 10).submit({"studyUID": "1.2.3", "filepath": "/store_image/x"}, "H1")
    assert json.loads(told.body) == {"studyUID": "1.2.3", "filepath": "/store_image/x"}
    assert (told.headers["Authorization"], told.headers["Idempotency-Key"]) == ("Bearer secret", "H1")


def test_as_bytes_one_request_brings_manifest_files_and_sums(told: Told, tmp_path: Path) -> None:
    message = folder_of(tmp_path, a=b"", b__c=b"x" * 1000, d=b"y" * (2 * PIECE + 7))
    HttpBackend(told.url, "secret", 10, "bytes").submit(message, "H1")
    assert (told.headers["Content-Type"], told.headers["Idempotency-Key"]) == ("application/x-tar", "H1")
    assert "Transfer-Encoding" not in told.headers
    with tarfile.open(fileobj=io.BytesIO(told.body), mode="r|") as tar:
        members = {
            entry.name: opened.read() for entry in tar if (opened := tar.extractfile(entry)) is not None
        }
    assert list(members) == ["manifest.json", "images/a", "images/b/c", "images/d", "SHA256SUMS"]
    manifest = json.loads(members["manifest.json"])
    assert (manifest["idempotencyKey"], manifest["message"]) == ("H1", message)
    assert manifest["files"][1] == {"name": "images/b/c", "size": 1000}
    sums = members["SHA256SUMS"].decode().splitlines()
    images = [name for name in members if name.startswith("images/")]
    assert sums == [f"{hashlib.sha256(members[name]).hexdigest()}  {name}" for name in images]


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(40 * PIECE)
    stream = SeriesStream({"filepath": str(tmp_path)}, "H1")
    sizes = [len(piece) for piece in stream]
    assert max(sizes) <= PIECE
    assert sum(sizes) == len(stream)
    assert len(stream) % 10_240 == 0


def test_a_file_that_shrinks_meanwhile_is_no_success(told: Told, tmp_path: Path) -> None:
    message = folder_of(tmp_path, a=b"x" * 1000)
    stream = iter(SeriesStream(message, "H1"))
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(RetriableError, match="has become shorter"):
        list(stream)


@pytest.mark.parametrize("gone", ["nowhere", "file"])
def test_a_folder_that_is_gone(told: Told, tmp_path: Path, gone: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RetriableError, match="cannot be read"):
        HttpBackend(told.url, "secret", 10, "bytes").submit({"filepath": str(tmp_path / gone)}, "H1")
    assert told.body == b""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, RetriableError),
        (502, RetriableError),
        (408, RetriableError),
        (503, Busy),
        (429, Busy),
        (400, Refused),
        (404, Refused),
    ],
)
def test_what_an_answer_means(told: Told, status: int, kind: type[Exception]) -> None:
    told.status, told.words = status, "its own words"
    with pytest.raises(kind, match="its own words") as caught:
        HttpBackend(told.url, "secret", 10).submit({}, "H1")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("7", 7),
        ("99999999", 3600),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-1", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after(told: Told, said: str, wait: int | None) -> None:
    told.status, told.more = 503, {"Retry-After": said.encode().decode("latin-1")}
    with pytest.raises(Busy) as caught:
        HttpBackend(told.url, "secret", 10).submit({}, "H1")
    assert caught.value.wait == (None if wait is None else timedelta(seconds=wait))


def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Unreachable):
        HttpBackend(f"http://127.0.0.1:{port}/compute", "secret", 5).submit({}, "H1")


def test_gone_is_who_refuses_the_connection_and_nobody_else(told: Told) -> None:
    assert not HttpBackend(told.url, "secret", 5).gone()
    (port,) = free_ports(1)
    assert HttpBackend(f"http://127.0.0.1:{port}/compute", "secret", 5).gone()
    assert not HttpBackend("http://nobody.invalid/compute", "secret", 5).gone(), (
        "a name that is not known now says nothing"
    )
    HttpBackend(told.url, "secret", 5).submit({}, "H1")  # who connects and hangs up has harmed nobody


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://ai:9000/compute", ("ai", 9000)),
        ("https://user:word@ai.example/x", ("ai.example", 443)),
        ("http://[::1]/", ("::1", 80)),
    ],
)
def test_where_a_url_goes(url: str, where: tuple[str, int]) -> None:
    assert host_and_port(url) == where
