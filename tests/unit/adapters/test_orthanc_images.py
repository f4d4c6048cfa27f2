"""
The images that Orthanc has now, asked over real sockets of a server that answers like Orthanc 1.10 does, or
as nobody should.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pacs_module.adapters.http.images import PNG, PREVIEW_BYTES, OrthancImages
from pacs_module.domain.errors import RetriableError

SERIES, STUDY = "1.2.840.1.1", "1.2.840.1"
PICTURE = PNG + b"the middle one"


class Orthanc(ThreadingHTTPServer):
    """Answers by path; ``posts`` are the bodies that it was asked with."""

    answers: dict[str, Any]
    posts: list[Any]


class Handler(BaseHTTPRequestHandler):
    server: Orthanc

    def do_GET(self) -> None:
        self._answer(self.server.answers.get(self.path))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append(asked)
        self._answer(self.server.answers.get(f"{self.path} {asked['Level']}"))

    def _answer(self, told: Any) -> None:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(404 if told is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def orthanc() -> Iterator[Orthanc]:
    server = Orthanc(("127.0.0.1", 0), Handler)
    server.posts = []
    server.answers = {
        "/tools/find Series": ["s1"],
        "/tools/find Study": ["t1"],
        "/series/s1/ordered-slices": {"SlicesShort": [["a", 0, 1], ["b", 0, 1], ["c", 0, 1]]},
        "/series/s1": {"Instances": ["x", "y", "z"]},
        "/instances/b/preview": PICTURE,
        "/instances/y/preview": PICTURE + b" of a radiograph",
        "/studies/t1": {"PatientMainDicomTags": {"PatientName": "DOE^JANE"}},
        f"/aipull/receptions/{STUDY}": {"state": "open"},
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def images(server: Orthanc) -> OrthancImages:
    return OrthancImages(f"http://127.0.0.1:{server.server_port}", "aipull", "secret")


def test_the_middle_slice_is_shown(orthanc: Orthanc) -> None:
    assert images(orthanc).preview(SERIES) == PICTURE
    assert orthanc.posts == [{"Level": "Series", "Query": {"SeriesInstanceUID": SERIES}, "Limit": 1}]


def test_what_cannot_be_ordered_is_shown_by_the_middle_of_its_instances(orthanc: Orthanc) -> None:
    del orthanc.answers["/series/s1/ordered-slices"]
    assert images(orthanc).preview(SERIES) == PICTURE + b" of a radiograph"


@pytest.mark.parametrize(
    "answers",
    [
        {"/tools/find Series": []},
        {"/instances/b/preview": b"<html>no picture</html>"},
        {"/series/s1/ordered-slices": None, "/series/s1": {"Instances": []}},
    ],
)
def test_where_there_is_no_picture_there_is_none(orthanc: Orthanc, answers: dict[str, Any]) -> None:
    orthanc.answers |= answers
    assert images(orthanc).preview(SERIES) is None


def test_a_picture_without_end_is_not_read(orthanc: Orthanc) -> None:
    orthanc.answers["/instances/b/preview"] = PNG + bytes(PREVIEW_BYTES)
    with pytest.raises(RetriableError):
        images(orthanc).preview(SERIES)


def test_name_and_reception(orthanc: Orthanc) -> None:
    asked = images(orthanc)
    assert asked.patient_name(STUDY) == "DOE^JANE"
    assert asked.reception(STUDY) == {"state": "open"}
    orthanc.answers = {"/tools/find Study": []}
    assert asked.patient_name(STUDY) == ""
    assert asked.reception(STUDY) is None


def test_an_answer_that_nobody_can_read_is_retriable(orthanc: Orthanc) -> None:
    orthanc.answers["/studies/t1"] = b"not JSON"
    with pytest.raises(RetriableError):
        images(orthanc).patient_name(STUDY)


def test_nobody_there_is_retriable() -> None:
    with pytest.raises(RetriableError):
        OrthancImages("http://127.0.0.1:1", "a", "b").preview(SERIES)
