"""
How `make demo` ends when it is not let run: nothing stays behind, and what is wrong is one line.

Does not prove that every instant of a Ctrl-C was met: three are, in starting, in the middle and with
everything left running.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from stack.identity import bearers
from stack.run_files import read_mark
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parents[3]


class Demo:
    """A demo in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.output = folder.parent / "output.txt"
        command = [
            sys.executable,
            "-m",
            "demo",
            "run",
            "--day",
            "small",
            "--send",
            "5",
            "--run-folder",
            str(folder),
        ]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def until(self, words: str) -> None:
        wait_for(lambda: words in self.said() or self.process.poll() is not None, what=words)
        assert words in self.said()

    def ctrl_c(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(240)

    def end(self) -> None:
        """Whatever the test has shown, nothing of it runs on."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        subprocess.run(
            [sys.executable, "-m", "demo", "stop", "--run-folder", str(self.folder)], cwd=ROOT, check=False
        )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts demos in a run folder of the test's own."""
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        started.append(Demo(tmp_path / "run", *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.mark.parametrize("moment", ["RabbitMQ: starting", "stable "])
def test_ctrl_c_leaves_no_process_behind(demo: Callable[..., Demo], moment: str) -> None:
    run = demo("--free-ports")
    run.until(moment)
    mark = read_mark(run.folder)
    wait_for(lambda: bearers(mark), what="a process of the run")
    assert run.ctrl_c() == 130
    assert bearers(mark) == []
    assert "Traceback" not in run.said()
    assert "nothing is left running" in run.said()


def test_left_running_it_answers_and_stop_ends_it(demo: Callable[..., Demo]) -> None:
    run = demo("--free-ports", "--keep")
    assert run.process.wait(500) == 0, run.said()
    addresses = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    answer = requests.get(f"{addresses['pacs_module']['url']}/api/v1/studies", timeout=10)
    assert {study.get("state") for study in answer.json()["studies"]} <= {
        None,
        "completed",
        "unsupported_series",
    }
    mark = read_mark(run.folder)
    stop = [sys.executable, "-m", "demo", "stop", "--run-folder", str(run.folder)]
    assert subprocess.run(stop, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert bearers(mark) == []


def test_a_port_in_use_is_one_clear_line(demo: Callable[..., Demo]) -> None:
    with socket.create_server(("127.0.0.1", 17000)):
        run = demo()
        assert run.process.wait(240) == 2
    assert "port 17000" in run.said()
    assert "Traceback" not in run.said()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ram-disk", "/proc"), "/proc"),
        (("--dicom-dir", "/nonexistent"), "/nonexistent is not a folder"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    demo: Callable[..., Demo], arguments: tuple[str, ...], words: str
) -> None:
    run = demo("--free-ports", *arguments)
    assert run.process.wait(240) == 2
    assert words in run.said()
    assert "Traceback" not in run.said()
