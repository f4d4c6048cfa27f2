"""
The compose stack for real: built, started, a simulated day sent, results asked for as an operator does.

Only where a Docker daemon answers and images can be pulled; elsewhere skipped, in CI too, where none can be had.
It takes minutes.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.compose_file import Done, Render

LOOPBACK_OF_ITS_OWN = "127.0.0.77"


def daemon_is_missing() -> str:
    docker = shutil.which("docker")
    if docker is None or shutil.which("docker-compose") is None:
        return "docker and docker-compose are not installed"
    answer = subprocess.run([docker, "info"], capture_output=True, text=True, timeout=30)
    return f"no Docker daemon: {answer.stderr.strip()}" if answer.returncode else ""


@pytest.fixture
def compose(repository: Path, filled_in: dict[str, str], tmp_path: Path) -> Iterator[Render]:
    if reason := daemon_is_missing():
        pytest.skip(reason)
    values = {**filled_in, "PACS_HTTP_BIND": LOOPBACK_OF_ITS_OWN, "DICOM_BIND": LOOPBACK_OF_ITS_OWN, "RAM_DISK_SIZE": "2g"}
    env_file = tmp_path / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    head = ["docker-compose", "--project-name", "aipulltest", "--env-file", str(env_file)]
    profiles = ["--profile", "hospital", "--profile", "backend"]

    def run(*words: str, check: bool = True) -> Done:
        command = [*head, *profiles, *words]
        return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=check, timeout=1500)

    yield run
    run("down", "--volumes", "--timeout", "10", check=False)


@pytest.mark.timeout(2400)
def test_a_day_in_containers(compose: Render, filled_in: dict[str, str]) -> None:
    compose("up", "--build", "--detach")
    today = datetime.now(ZoneInfo(filled_in["HOSPITAL_TIME_ZONE"])).date()
    asked = f'http --check-status --body :7000/api/v1/studies studyDate=={today} "X-API-Key:$PACS_MODULE_WEB__API_KEY"'
    deadline = time.monotonic() + 600
    completed = 0
    while completed < 3:
        assert time.monotonic() < deadline, compose("logs", "--tail=50", check=False).stdout
        time.sleep(5)
        answer = compose("exec", "-T", "pacs", "sh", "-c", asked, check=False)
        studies = json.loads(answer.stdout)["studies"] if answer.returncode == 0 else []
        completed = sum(study.get("state") == "completed" for study in studies)
