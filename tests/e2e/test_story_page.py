"""
The debug API in a real browser: what a person sees of a study, and that nothing in it runs as a script.

Proves nothing of how it looks; somebody has to look at it.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from pacs_module.domain.json_messages.messages import Result
from pacs_module.web.app import create_app
from stack.ports import LOOPBACK, free_ports
from tests.fakes.pipeline import THIN, UID, Pipeline
from tests.fakes.served import service_on, settings_file
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server("chromium"), pytest.mark.e2e]

HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    with service_on(settings_file(tmp_path_factory.mktemp("page"))) as (service, _):
        message = Pipeline().message(None, message=HOSTILE)
        message["seriesReports"][1]["seriesDescription"] = HOSTILE
        service.accept(message)
        service.record(Result(UID, THIN, "completed", HOSTILE, "", {"lungVolumeMl": 4100.5}))
        server = uvicorn.Server(uvicorn.Config(create_app(service), port=port, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        wait_for(lambda: server.started, what="the API")
        yield f"http://{LOOPBACK}:{port}/api/v1/dcm/debug"
        server.should_exit = True
        thread.join(30)


def browse(address: str) -> str:
    """The page as the browser has it in the end, scripts run."""
    with tempfile.TemporaryDirectory() as profile:
        command = ["chromium", *QUIET, f"--user-data-dir={profile}", "--dump-dom", address]
        return subprocess.run(command, capture_output=True, text=True, timeout=150, check=True).stdout


def test_a_person_sees_where_it_is_and_why_and_no_script_runs(url: str) -> None:
    page = browse(f"{url}?AccessionNumber=A1")
    assert "<title>A1</title>" in page, "a script would have changed it"
    assert '<span class="state good">completed</span>' in page
    assert "What happens next" in page
    assert "nothing: the result is in" in page
    assert '<li class="done">delivered</li>' in page
    assert "SliceThickness 8" in page
    assert "lungVolumeMl 4100.5" in page
    assert "&lt;script&gt;" in page


def test_a_picture_of_it_is_not_empty(url: str, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    command = [
        "chromium",
        *QUIET,
        f"--user-data-dir={tmp_path}/profile",
        "--window-size=1280,1400",
        f"--screenshot={picture}",
    ]
    subprocess.run([*command, f"{url}?AccessionNumber=A1"], capture_output=True, timeout=150, check=True)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 20_000, "an empty page is some 5 kB"
