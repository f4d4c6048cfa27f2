"""
Connections of the finder to Orthanc. What it makes of real answers is in the contract suite and in the tests
with real servers.

The server here is none of ours: it drops any connection on which a second request comes, as Orthanc does with
one that was idle for a second just when the request arrives.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pacs_module.adapters.dicom.orthanc_finder import OrthancFinder


class OneRequestAConnection(BaseHTTPRequestHandler):
    """Says that the connection stays, and then drops it."""

    protocol_version = "HTTP/1.1"
    served = 0

    def do_POST(self) -> None:
        self._answer({"ID": "1", "Path": "/queries/1"})

    def do_GET(self) -> None:
        self._answer([{"StudyInstanceUID": "1.2.3"}])

    def _answer(self, content: object) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.served += 1
        if self.served > 1:
            self.close_connection = True
            return
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OneRequestAConnection)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_no_question_depends_on_a_connection_that_orthanc_may_have_given_up(url: str) -> None:
    finder = OrthancFinder(url, "user", "password", 5.0)
    try:
        found = [finder.find("PACS", "STUDY", {"StudyDate": "20261126"}) for _ in range(3)]
    finally:
        finder.close()
    assert found == [[{"StudyInstanceUID": "1.2.3"}]] * 3
