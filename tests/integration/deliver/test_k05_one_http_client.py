"""
K5 with real servers: proxies that the environment or the settings name, and backends that redirect.

Delivery is the whole delivering half of pacs_module with a real RabbitMQ; the proxy is a small one that
speaks HTTP.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from pacs_module.adapters.dicom.orthanc_finder import OrthancFinder
from pacs_module.adapters.http.plugins import OrthancPuller
from pacs_module.adapters.queue.topology import Topology
from pacs_module.domain.errors import PipelineError
from stack.ports import LOOPBACK
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode
from tests.contract.queue.queue_cases import remove
from tests.fakes.delivery_stack import delivering
from tests.support.waiting import wait_for

VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Server:
    """
    Answers every request as ``answer`` says (status, headers, body), or forwards it like a proxy; notes what
    it was asked.
    """

    def __init__(self, answer: tuple[int, dict[str, str], bytes] | None) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append(self.path)
                status, headers, content = answer or outer.forward(self.path, body, dict(self.headers))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @staticmethod
    def forward(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        ours = ("host", "proxy-connection")
        sent = {name: value for name, value in headers.items() if name.lower() not in ours}
        session = requests.Session()
        session.trust_env = False
        answer = session.post(url, data=body, headers=sent, timeout=30, allow_redirects=False)
        return answer.status_code, {}, answer.content

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.stop()


@pytest.fixture
def broker(rabbitmq_node: RabbitmqNode) -> Iterator[str]:
    yield rabbitmq_node.url
    remove(rabbitmq_node.url, Topology())


def poison_environment(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert os.environ["HTTP_PROXY"] == proxy


@pytest.mark.server("rabbitmq")
def test_a_proxy_of_the_environment_gets_nothing_and_delivery_goes_on(
    run_folder: RunFolder, tmp_path: Path, broker: str, monkeypatch: pytest.MonkeyPatch, servers: list[Server]
) -> None:
    swallowing = Server((200, {}, b"<html>the proxy's own page</html>"))
    servers.append(swallowing)
    with delivering(run_folder, tmp_path, broker) as stack:
        stack.faulty_backend().start()
        poison_environment(monkeypatch, swallowing.url)
        uids = [stack.hand_over(number) for number in range(3)]
        stack.until(uids, "completed")
    assert swallowing.asked == []


@pytest.mark.server("rabbitmq")
def test_the_proxy_that_the_settings_name_is_used_for_the_backend_alone(
    run_folder: RunFolder, tmp_path: Path, broker: str, servers: list[Server]
) -> None:
    proxy = Server(None)
    servers.append(proxy)
    with delivering(run_folder, tmp_path, broker, proxy=proxy.url) as stack:
        stack.faulty_backend().start()
        uids = [stack.hand_over(number) for number in range(2)]
        stack.until(uids, "completed")
        assert set(proxy.asked) == {f"http://{LOOPBACK}:{stack.backend_port}/compute"}


@pytest.mark.server("rabbitmq")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_backend_that_redirects_has_accepted_nothing(
    run_folder: RunFolder, tmp_path: Path, broker: str, servers: list[Server], status: int
) -> None:
    app = Server((200, {"Content-Type": "text/html"}, b"<html>log in</html>"))
    redirecting = Server((status, {"Location": f"{app.url}/app"}, b""))
    servers += [app, redirecting]
    with delivering(run_folder, tmp_path, broker, url=f"{redirecting.url}/compute") as stack:
        uid = stack.hand_over(1)

        def told() -> bool:
            item = stack.study(uid).handovers[0]
            return (
                bool(item.tries)
                and f"{status} to {app.url}/app: redirects are not followed" in item.tries[-1].words
            )

        wait_for(told, 60, "the redirect is named")
        item = stack.study(uid).handovers[0]
        assert (item.attempts, item.accepted_at, item.tries[-1].outcome) == (0, "", "away")
        assert stack.states([uid]) == ["pull_data_end"]
        circuit = stack.service.circuit.told()
        assert f"answered {status}: redirects are not followed" in circuit["why"]
        assert (app.asked, stack.service.queue.dead_depth()) == ([], 0)


@pytest.mark.server("rabbitmq")
def test_2xx_with_a_page_in_it_is_2xx_as_the_contract_says(
    run_folder: RunFolder, tmp_path: Path, broker: str, servers: list[Server]
) -> None:
    backend = Server((200, {"Content-Type": "text/html"}, b"<html>accepted</html>"))
    servers.append(backend)
    with delivering(run_folder, tmp_path, broker, url=f"{backend.url}/compute") as stack:
        uid = stack.hand_over(1)
        wait_for(lambda: bool(stack.study(uid).handovers[0].accepted_at), 60, "it counts as accepted")


@pytest.mark.parametrize(
    "answer",
    [
        (301, {"Location": "http://127.0.0.1:1/elsewhere"}, b""),
        (200, {"Content-Type": "text/html"}, b"<html>a page</html>"),
        (200, {}, b"[" * 100_000),
        (200, {"Content-Encoding": "gzip"}, b"x"),
        (502, {}, b"\xff"),
    ],
)
def test_an_orthanc_that_is_something_else_is_a_fault_in_our_words(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch, answer: tuple[int, dict[str, str], bytes]
) -> None:
    other = Server(answer)
    swallowing = Server((200, {}, b"{}"))
    servers += [other, swallowing]
    poison_environment(monkeypatch, swallowing.url)
    with pytest.raises(PipelineError):
        OrthancPuller(other.url, "u", "p", 5).report_of("P")
    with pytest.raises(PipelineError):
        OrthancFinder(other.url, "u", "p", 5).find("A", "STUDY", {})
    assert swallowing.asked == []
