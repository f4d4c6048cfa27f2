"""
How `make demo` ends when it is not let run: nothing stays behind, and what is wrong is one line.

Does not prove that every instant of a Ctrl-C was met: three are, in starting, in the middle and with everything left running.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from waiting import wait_for

from stack.identity import bearers
from stack.run_files import read_mark

pytestmark = [pytest.mark.server, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parents[2]


class Demo:
    """A demo in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.output = folder.parent / "output.txt"
        command = [sys.executable, "-m", "demo", "run", "--day", "small", "--run-folder", str(folder), *arguments]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def until(self, words: str) -> None:
        wait_for(lambda: words in self.said() or self.process.poll() is not None, what=words)
        assert words in self.said()

    def ctrl_c(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    subprocess.run([sys.executable, "-m", "demo", "stop", "--run-folder", str(tmp_path / "run")], cwd=ROOT, check=False)


@pytest.mark.parametrize("moment", ["RabbitMQ: starting", "stable "])
def test_ctrl_c_leaves_no_process_behind(folder: Path, moment: str) -> None:
    demo = Demo(folder, "--free-ports")
    demo.until(moment)
    mark = read_mark(folder)
    assert bearers(mark)
    assert demo.ctrl_c() == 130
    assert bearers(mark) == []
    assert "Traceback" not in demo.said()
    assert "nothing is left running" in demo.said()


def test_left_running_it_answers_and_stop_ends_it(folder: Path) -> None:
    demo = Demo(folder, "--free-ports", "--keep")
    assert demo.process.wait(170) == 0, demo.said()
    addresses = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    answer = requests.get(f"{addresses['pacs_module']['url']}/api/v1/studies", timeout=10)
    assert {study.get("state") for study in answer.json()["studies"]} <= {None, "completed", "unsupported_series"}
    mark = read_mark(folder)
    stop = [sys.executable, "-m", "demo", "stop", "--run-folder", str(folder)]
    assert subprocess.run(stop, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert bearers(mark) == []


def test_a_port_in_use_is_one_clear_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 17000)):
        demo = Demo(folder)
        assert demo.process.wait(60) == 2
    assert "port 17000" in demo.said()
    assert "Traceback" not in demo.said()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ram-disk", "/proc"), "/proc"),
        (("--dicom-dir", "/nonexistent"), "/nonexistent is not a folder"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    demo = Demo(folder, "--free-ports", *arguments)
    assert demo.process.wait(60) == 2
    assert words in demo.said()
    assert "Traceback" not in demo.said()
