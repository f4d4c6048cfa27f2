"""
The whole stack: starting, ending, clearing up. Not proved here: that studies get through, see tests/e2e.
"""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest

from stack.errors import StackError
from stack.identity import bearers, wait_until
from stack.ports import LOOPBACK
from stack.probing import answers_http
from stack.run_files import read_mark
from stack.run_folder import living_servers, stop_run
from stack.whole import Stack, StackOptions, StackPorts

REPOSITORY = Path(__file__).resolve().parents[3]


def test_ports_in_use_are_told_before_anything_is_made(tmp_path: Path) -> None:
    ports = StackPorts.free()
    with socket.socket() as listener:
        listener.bind((LOOPBACK, ports.backend))
        listener.listen()
        with pytest.raises(
            StackError, match=rf"^port {ports.backend} \(AI backend\) is in use by \S+, pid \d+$"
        ):
            Stack(tmp_path / "run", StackOptions(ports=ports)).start()
    assert not (tmp_path / "run").exists()


def test_too_small_a_ram_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"^too small a RAM disk: "):
        Stack(tmp_path / "run", StackOptions(ram_disk_bytes=1024**5)).start()
    assert list((tmp_path / "run" / "pids").glob("*.pid")) == []


def test_usual_ports_are_different_from_each_other() -> None:
    ports = StackPorts.usual().by_purpose().values()
    assert len(set(ports)) == len(ports)


PROGRAMME = """
import sys, time
from pathlib import Path
from stack.whole import Stack, StackOptions

folder, plugin, what = sys.argv[1:]
options = StackOptions(orthanc_environment={"ORTHANC_PYTHON_SCRIPT": plugin}, survive=what == "leave", ram_disk_bytes=2**26)
with Stack(Path(folder), options, say=lambda text: print(text, flush=True)) as stack:
    print("all up", flush=True)
    if what == "leave":
        stack.leave_running()
    else:
        time.sleep(600)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """In place of ours: what is tested here is starting and ending."""
    file = tmp_path / "plugin.py"
    file.write_text("import orthanc\nimport pacs_module\n")
    return file


def programme(folder: Path, plugin: Path, what: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAMME, str(folder), str(plugin), what]
    return subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def read_until(stream: IO[str] | None, beginning: str) -> str:
    assert stream is not None
    for line in stream:
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
    raise AssertionError(f"it ended without saying {beginning!r}")


def assert_nothing_is_left(folder: Path, ram_disk: Path) -> None:
    mark = read_mark(folder)
    assert wait_until(lambda: not bearers(mark), 60)
    assert wait_until(lambda: not ram_disk.exists(), 60)
    assert living_servers(folder) == []


@pytest.mark.server
@pytest.mark.parametrize(
    "moment", ["RabbitMQ: starting", "hospital PACS: ready", "pacs_module: starting", "all up"]
)
def test_ctrl_c_at_any_moment_leaves_nothing(tmp_path: Path, plugin: Path, moment: str) -> None:
    folder = tmp_path / "run"
    with programme(folder, plugin, "stay") as running:
        ram_disk = Path(read_until(running.stdout, "RAM disk: "))
        read_until(running.stdout, moment)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert bearers(read_mark(folder)) == []
    assert_nothing_is_left(folder, ram_disk)
    assert not (folder / "run.json").exists()


@pytest.mark.server
def test_kill_9_of_the_programme_leaves_nothing_not_even_the_ram_disk(tmp_path: Path, plugin: Path) -> None:
    with programme(tmp_path / "run", plugin, "stay") as running:
        ram_disk = Path(read_until(running.stdout, "RAM disk: "))
        read_until(running.stdout, "all up")
        running.kill()
    assert_nothing_is_left(tmp_path / "run", ram_disk)


@pytest.mark.server
def test_left_running_it_answers_until_it_is_stopped(tmp_path: Path, plugin: Path) -> None:
    folder = tmp_path / "run"
    with programme(folder, plugin, "leave") as running:
        ram_disk = Path(read_until(running.stdout, "RAM disk: "))
        _, errors = running.communicate()
        assert running.returncode == 0, errors
    try:
        addresses = json.loads((folder / "run.json").read_text())
        assert (folder / "run.json").stat().st_mode & 0o777 == 0o600
        receiver = addresses["receiving_orthanc"]
        credentials = receiver["user"], receiver["password"]
        assert wait_until(
            lambda: answers_http(urlsplit(receiver["url"]).port or 0, "/system", credentials), 60
        )
        assert wait_until(
            lambda: answers_http(urlsplit(addresses["pacs_module"]["url"]).port or 0, "/health"), 60
        )
        with pytest.raises(StackError, match="a run is alive in"):
            Stack(folder).start()
    finally:
        assert stop_run(folder)
    assert_nothing_is_left(folder, ram_disk)
    assert not (folder / "run.json").exists()
