"""
What a destination says of an upload is not believed beyond reason, and nobody else gets the images (K5).

Servers of ours on the loopback network; real platforms: tests/chaos/proofs/test_uploads.py.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.upload.http import TUS, HttpPlace, HttpUploader, read_digest, read_size
from pacs_module.adapters.upload.s3 import S3Place, S3Uploader
from pacs_module.adapters.upload.stow import StowPlace, StowUploader
from pacs_module.domain.errors import PipelineError, Refused
from pacs_module.domain.upload.files import UploadFile
from pacs_module.shared.http import Answer, HttpLink

CT = "1.2.840.10008.5.1.4.1.1.2"
IMAGE = b"image" * 100


class Server:
    """Answers as ``says`` has it by method (status, headers), and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.says: dict[str, tuple[int, dict[str, str]]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0) or 0))
                outer.asked.append((self.command, self.path, len(body)))
                status, headers = outer.says.get(self.command, (404, {}))
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_PUT = do_POST = do_HEAD = do_PATCH = handle_one  # noqa: N815

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """The destination, and somebody else."""
    both = Server(), Server()
    yield both
    for one in both:
        one.stop()


@pytest.fixture
def image(tmp_path: Path) -> UploadFile:
    file = tmp_path / "1.dcm"
    file.write_bytes(IMAGE)
    return UploadFile("a/1.dcm", str(file), len(IMAGE), "1.2", "1.2.3", "1.2.3.4", CT, "1.2.840.10008.1.2.1")


def resumable(server: Server, **more: object) -> HttpUploader:
    place = HttpPlace(server.url, TUS, f"{server.url}/files", staged=False, timeout=5, **more)  # type: ignore[arg-type]
    return HttpUploader(place, HttpLink("the platform", {"Authorization": "Bearer secret"}))


@pytest.mark.parametrize("scheme", ["{other}/take", "//{address}/take", "ftp://127.0.0.1/take", "", "{none}"])
def test_an_upload_goes_on_nowhere_but_at_the_server_that_was_asked(
    servers: tuple[Server, Server], image: UploadFile, scheme: str
) -> None:
    server, other = servers
    address = other.url.removeprefix("http://")
    location = scheme.format(other=other.url, address=address, none="https://127.0.0.1:1/x")
    server.says = {"POST": (201, {"Location": location} if scheme else {})}
    with pytest.raises(Refused, match="redirects are not followed"):
        resumable(server).put([image])
    assert other.asked == []
    assert [method for method, _, _ in server.asked] == ["POST"]


@pytest.mark.parametrize("location", ["/files/7", "7", "{here}/elsewhere/7", "?upload=7"])
def test_an_upload_goes_on_at_any_address_of_that_server(
    servers: tuple[Server, Server], image: UploadFile, location: str
) -> None:
    server, _ = servers
    server.says = {"POST": (201, {"Location": location.format(here=server.url)}), "PATCH": (204, {})}
    assert resumable(server).put([image]) == []
    assert [(method, size) for method, _, size in server.asked] == [("POST", 0), ("PATCH", len(IMAGE))]


@pytest.mark.parametrize(
    "told", ["\xb2", "9" * 5000, str(len(IMAGE) + 1), "-1", "1e2", " ", "0x10", "many", "5, 5"]
)
def test_an_offset_that_cannot_be_true_begins_anew(
    servers: tuple[Server, Server], image: UploadFile, told: str
) -> None:
    server, _ = servers
    server.says = {"POST": (201, {"Location": "/files/7"}), "PATCH": (503, {})}
    uploader = resumable(server)
    uploader._begun[f"{image.path}\n{image.name}"] = f"{server.url}/files/7"
    server.says |= {"HEAD": (200, {"Upload-Offset": told}), "PATCH": (204, {})}
    assert uploader.put([image]) == []
    assert [method for method, _, _ in server.asked] == ["HEAD", "POST", "PATCH"]


def test_an_offset_that_can_be_true_is_gone_on_from(
    servers: tuple[Server, Server], image: UploadFile
) -> None:
    server, _ = servers
    server.says = {"HEAD": (200, {"Upload-Offset": " 100 "}), "PATCH": (204, {})}
    uploader = resumable(server)
    uploader._begun[f"{image.path}\n{image.name}"] = f"{server.url}/files/7"
    assert uploader.put([image]) == []
    assert server.asked[-1] == ("PATCH", "/files/7", len(IMAGE) - 100)


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-5", "n/a"])
def test_a_length_that_is_none_is_not_believed(
    servers: tuple[Server, Server], image: UploadFile, length: str
) -> None:
    server, _ = servers
    server.says = {"HEAD": (200, {"Content-Length": length, "Repr-Digest": "sha-256=:AAAA:"})}
    assert [one.why for one in resumable(server).missing([image])] == ["other bytes"]


def test_a_platform_that_cannot_be_asked_counts_by_its_answers(
    servers: tuple[Server, Server], image: UploadFile
) -> None:
    server, _ = servers
    server.says = {"PUT": (201, {}), "HEAD": (405, {}), "GET": (405, {})}
    uploader = HttpUploader(HttpPlace(server.url, staged=False, timeout=5), HttpLink("the platform"))
    assert [one.why for one in uploader.missing([image])] == ["this process has no upload of it acknowledged"]
    assert uploader.put([image]) == []
    assert (uploader.missing([image]), uploader.proof) == ([], "answer")
    server.says["GET"] = (206, {"Content-Range": f"bytes 0-0/{len(IMAGE) - 1}", "Content-Length": "0"})
    assert [one.why for one in uploader.missing([image])] == [f"{len(IMAGE) - 1} of {len(IMAGE)} bytes"]
    assert uploader.proof == "checksum"


@pytest.mark.parametrize("digest", ["\xb2", "sha-256=:\xff:", "sha-256=:====:", "sha-256", "", "sha-256=::"])
def test_a_checksum_that_is_none(digest: str) -> None:
    assert read_digest({"Repr-Digest": digest}) in (None, b"")


@pytest.mark.parametrize(
    ("text", "size"), [("5", 5), (" 5 ", 5), ("\xb2", None), ("9" * 19, None), ("", None)]
)
def test_a_number_of_bytes(text: str, size: int | None) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("named", [False, True])
def test_a_bucket_is_reached_by_the_proxy_of_the_settings_alone(
    servers: tuple[Server, Server], image: UploadFile, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    server, proxy = servers
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    place = S3Place("region", server.url, access_key="a", secret_key="b", proxy=proxy.url if named else "")
    uploader = S3Uploader(place)
    with contextlib.suppress(PipelineError):
        uploader.missing([image])
    uploader.close()
    assert (bool(server.asked), bool(proxy.asked)) == (not named, named)


@pytest.mark.parametrize("page", [1, 3, 100, 1000, 5000])
@pytest.mark.parametrize("held", [0, 1, 7, 250])
def test_a_dicomweb_server_with_short_pages_is_asked_for_all_of_them(page: int, held: int) -> None:
    """K12: a list that is cut in silence is not all that the server has."""
    files = [
        UploadFile(f"{n}", "", 1, "1.2", "1.2.3", f"1.9.{n}", CT, "1.2.840.10008.1.2.1") for n in range(250)
    ]

    class Pages(HttpLink):
        def call(self, method: str, url: str, **asked: Any) -> Answer:
            params = asked["params"]
            first, most = int(params["offset"]), min(page, int(params["limit"]))
            told = [{"00080018": {"Value": [one.sop_uid]}} for one in files[:held][first : first + most]]
            return Answer(200 if told else 204, json.dumps(told).encode() if told else b"")

    lacking = StowUploader(StowPlace("http://platform"), Pages("platform")).missing(files)
    assert [one.file for one in lacking] == files[held:]
