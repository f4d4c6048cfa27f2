"""
The small programs of the images, run here: health check, and start script with the real Orthanc as the demo's
PACS.
"""

import base64
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stack.ports import free_ports
from tests.support.compose_file import Done
from tests.support.waiting import wait_for


@pytest.fixture
def server() -> Iterator[str]:
    """Answers 200 to user and password at /system, 200 to anybody at /health, 401 or 503 otherwise."""
    right = "Basic " + base64.b64encode(b"doctor:word").decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            statuses = {"/health": 200, "/system": 200 if self.headers.get("Authorization") == right else 401}
            self.send_response(statuses.get(self.path, 503))
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


def healthy(repository: Path, url: str, **environment: str) -> Done:
    command = [sys.executable, str(repository / "docker/healthy.py"), url]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)


def test_healthy(repository: Path, server: str) -> None:
    assert healthy(repository, f"{server}/health").returncode == 0


def test_user_and_password_are_shown(repository: Path, server: str) -> None:
    assert (
        healthy(repository, f"{server}/system", ORTHANC_USER="doctor", ORTHANC_PASSWORD="word").returncode
        == 0
    )
    refused = healthy(repository, f"{server}/system", ORTHANC_USER="doctor", ORTHANC_PASSWORD="wrong")
    assert refused.returncode == 1
    assert "401" in refused.stderr
    assert "wrong" not in refused.stderr


def test_sick_or_nobody_there(repository: Path, server: str) -> None:
    assert healthy(repository, f"{server}/other").returncode == 1
    gone = healthy(repository, f"http://127.0.0.1:{free_ports(1)[0]}/health")
    assert gone.returncode == 1
    assert "Traceback" not in gone.stderr


@pytest.mark.server("orthanc")
@pytest.mark.parametrize(("ended_by", "status"), [("", 0), ("its supervisor", 0), ("a kill", 137)])
def test_start_script_with_the_demo_pacs(
    repository: Path, tmp_path: Path, ended_by: str, status: int
) -> None:
    http, dicom = free_ports(2)
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "ORTHANC_AET": "HOSPITALPACS",
        "ORTHANC_DICOM_PORT": str(dicom),
        "ORTHANC_HTTP_PORT": str(http),
        "ORTHANC_STORE": str(tmp_path / "ram"),
        "ORTHANC_USER": "doctor",
        "ORTHANC_PASSWORD": "word",
        "RECEIVER_AET": "AIPULL",
        "RECEIVER_HOST": "orthanc",
        "RECEIVER_PORT": "4242",
        "AIPULL_HANDOVER_FOLDER": str(tmp_path / "ram/handover"),
    }
    if ended_by:
        environment["AIPULL_JOURNAL"] = str(tmp_path / "journal.db")
        environment["AIPULL_SENDERS"] = "CT7=CT7@10.0.0.7"
        environment["PYTHONEXECUTABLE"] = sys.executable
    command = [str(installed(repository, tmp_path)), str(repository / "docker/hospital/orthanc.json")]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as orthanc,
    ):
        try:
            system = f"http://127.0.0.1:{http}/system"
            wait_for(
                lambda: (
                    healthy(repository, system, **environment).returncode == 0 or orthanc.poll() is not None
                ),
                what="Orthanc to answer",
            )
            assert orthanc.poll() is None, (tmp_path / "log").read_text()
            if ended_by == "a kill":
                os.kill(child_of(orthanc.pid), signal.SIGKILL)
                orthanc.wait(30)
        finally:
            orthanc.terminate()
    rights = {
        name: stat.S_IMODE(os.stat(tmp_path / "ram" / name).st_mode)
        for name in ("store", "index", "handover")
    }
    assert rights == {"store": 0o700, "index": 0o700, "handover": 0o750}
    assert orthanc.returncode == status
    told = tmp_path / "journal.db.exit"
    assert (told.read_text() if told.exists() else "") == (f"{status}\n" if ended_by else "")


def installed(repository: Path, folder: Path) -> Path:
    """The script where `make install` puts it, beside what it needs."""
    prefix = folder / "prefix"
    (prefix / "lib").mkdir(parents=True)
    for name in ("orthanc", "site_check", "pacs_module"):
        (prefix / name).symlink_to(repository / name)
    script = prefix / "lib" / "orthanc-start.sh"
    script.symlink_to(repository / "docker/orthanc/start.sh")
    return script


def child_of(pid: int) -> int:
    """The only one."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_the_start_script_of_pacs_says_all_that_is_wrong_and_starts_nothing(
    repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    (tmp_path / "pacs-module").write_text("#!/bin/sh\necho started $1\n")
    (tmp_path / "pacs-module").chmod(0o755)
    wrong = {"PACS_MODULE_TIME_ZONE": "Beijing", "PACS_MODULE_BACKEND__WORKERS": "none"}
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **wrong}

    def run(*command: str, **variables: str) -> Done:
        script = str(repository / "docker/pacs/start.sh")
        return subprocess.run(
            [script, *command],
            cwd=repository,
            env={**environment, **variables},
            capture_output=True,
            text=True,
        )

    refused = run("pacs-module", "run")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert [line.split()[0] for line in refused.stderr.splitlines()] == [
        "HOSPITAL_TIME_ZONE",
        "BACKEND_WORKERS",
    ]
    right = {"PACS_MODULE_TIME_ZONE": "Asia/Shanghai", "PACS_MODULE_BACKEND__WORKERS": "2"}
    assert run("pacs-module", "run", **right).stdout == "started run\n"
    assert run("pacs-module", "why").stdout == "started why\n", "a command is not stopped for it"


def copied_folders(dockerfile: str, stage: str) -> set[str]:
    """The folders that a stage and those below it copy from the repository."""
    found: set[str] = set()
    while stage:
        head = re.search(rf"^FROM (\S+) AS {stage}$", dockerfile, re.MULTILINE)
        if head is None:
            break
        lines = dockerfile[head.end() :].partition("\nFROM ")[0]
        found |= set(re.findall(r"^COPY (\w+) (?:/opt/aipull/)?\w+$", lines, re.MULTILINE))
        stage = head[1]
    return found


@pytest.mark.parametrize("stage", ["hospital", "receiving"])
def test_the_check_of_the_variables_runs_with_what_an_image_holds(
    repository: Path, tmp_path: Path, stage: str
) -> None:
    dockerfile = (repository / "docker/orthanc.Dockerfile").read_text(encoding="utf-8")
    for folder in copied_folders(dockerfile, stage):
        (tmp_path / folder).symlink_to(repository / folder)
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-m", "site_check.environment"],
        cwd=tmp_path, env={"HOSPITAL_PACS_PORT": "dicom"}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("HOSPITAL_PACS_PORT 'dicom' in .env")
