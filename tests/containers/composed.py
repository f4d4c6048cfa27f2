"""
docker-compose.yml as a site starts it, under a project name of its own; and what its containers have and say.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from demo.truth import Computed, PacsStudy, read_pacs, read_record
from demo.verdict import Expected
from hospital_sim.devices import SOFT_KERNELS

REPOSITORY = Path(__file__).parents[2]
ZONE = "Asia/Shanghai"
LOOPBACK_OF_ITS_OWN = "127.0.0.77"
"""The ports are those of a site; nobody else listens at this address."""
SERVICES = ("orthanc", "pacs", "mongo", "rabbitmq", "backend", "hospital")
LONG_S = 1500.0
_RECORD = "/var/lib/aipull/backend-record.jsonl"


def why_not() -> str:
    """Why containers cannot be started here; empty: they can."""
    for words in (["docker", "info"], ["docker-compose", "version"]):
        try:
            answer = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        except FileNotFoundError:
            return f"{words[0]} is not installed"
        if answer.returncode:
            return f"{' '.join(words)}: {answer.stderr.strip()}"
    return ""


class Composed:
    """
    The stack of docker-compose.yml with the demo's PACS and the example backend.

    Args:
        folder: For the variables' file and copies of what containers hold.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.project = f"aipulltest{secrets.token_hex(3)}"
        example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
        given = dict(line.split("=", 1) for line in example.splitlines() if re.match(r"[A-Z_]+=", line))
        self.variables = {name: value or secrets.token_hex(12) for name, value in given.items()}
        switches = folder / "site_config.py"
        switches.write_text(f"KERNEL_PREFERRED = {list(SOFT_KERNELS)}\n", encoding="utf-8")
        self.variables |= {"PACS_HTTP_BIND": LOOPBACK_OF_ITS_OWN, "DICOM_BIND": LOOPBACK_OF_ITS_OWN}
        settings = folder / "pacs_module.toml"
        settings.write_text("[backend]\nretention_s = 5.0\n", encoding="utf-8")
        self.variables |= {
            "RAM_DISK_SIZE": "2g",
            "SITE_CONFIG_FILE": str(switches),
            "PACS_SETTINGS_FILE": str(settings),
        }

    def compose(self, *words: str) -> str:
        """What ``docker-compose`` prints; its error as an assertion."""
        env = self._folder / "env"
        env.write_text(
            "".join(f"{name}={value}\n" for name, value in self.variables.items()), encoding="utf-8"
        )
        head = [
            "docker-compose",
            "--project-name",
            self.project,
            "--env-file",
            str(env),
            "--profile",
            "hospital",
        ]
        return _output([*head, "--profile", "backend", *words])

    def inside(self, service: str, *words: str) -> str:
        """What a command prints in a service's container."""
        return self.compose("exec", "-T", service, *words)

    def container(self, service: str) -> str:
        """Its id, of a stopped one as well."""
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return _output(["docker", "ps", "--all", "--quiet", "--no-trunc", *filters]).strip()

    def inspect(self, service: str, what: str) -> str:
        """A value of ``docker inspect`` in its template language."""
        return _output(["docker", "inspect", "--format", what, self.container(service)]).strip()

    def healthy(self, services: Iterable[str] = SERVICES) -> bool:
        """Whether their own health checks say so."""
        return all(self.inspect(service, "{{.State.Health.Status}}") == "healthy" for service in services)

    def kill(self, service: str) -> None:
        """
        SIGKILL for its first process, as the kernel would when memory is short.

        Not ``docker kill``: after that Docker takes the container for stopped on purpose and does not start
        it again.
        """
        pid = self.inspect(service, "{{.State.Pid}}")
        on_the_host = ["docker", "run", "--rm", "--pid=host", "--user=0", "aipull/pacs:0.1.0"]
        _output([*on_the_host, "sh", "-c", f"kill -9 {pid}"])

    def today(self) -> date:
        """At the hospital."""
        return datetime.now(ZoneInfo(ZONE)).date()

    def department(self, *words: str) -> str:
        """A command of the simulated department, in a container of its own."""
        return self.compose("run", "--rm", "--no-deps", "-T", "department", "hospital-sim", *words)

    def plan(self, day: str, seed: int, on: date) -> list[Expected]:
        """What should become of the studies of such a day."""
        told = json.loads(self.department("plan", "--json", f"--day={day}", f"--seed={seed}", f"--date={on}"))
        return [
            Expected(one["studyUID"], one["label"], one["wanted"], tuple(one["expectedSeries"]))
            for one in told
        ]

    def send(self, day: str, seed: int, on: date) -> None:
        """Have such a day sent to the PACS, in a few seconds."""
        aet, port = self.variables["HOSPITAL_PACS_AET"], self.variables["HOSPITAL_PACS_PORT"]
        where = ["--host=hospital", f"--port={port}", f"--aet={aet}"]
        self.department("send", *where, f"--day={day}", f"--seed={seed}", f"--date={on}", "--duration=5")

    def pacs(self) -> dict[str, PacsStudy]:
        """The content of the hospital's PACS."""
        address = self.inspect("hospital", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
        return read_pacs(f"http://{address}:8042", "aipull", self.variables["ORTHANC_PASSWORD"])

    def computed(self) -> list[Computed]:
        """The backend's own record."""
        copy = self._folder / "record.jsonl"
        copy.write_text(self.inside("backend", "cat", _RECORD), encoding="utf-8")
        return read_record(copy)

    def states(self) -> dict[str, int]:
        """How many studies are in each state, as pacs_module says."""
        told: dict[str, int] = json.loads(self.inside("pacs", "http", ":7000/health"))["studies"]
        return told


def _output(words: list[str]) -> str:
    answer = subprocess.run(
        words, cwd=REPOSITORY, capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert answer.returncode == 0, (
        f"{' '.join(words)} ended with {answer.returncode}:\n{answer.stdout}\n{answer.stderr}"
    )
    return answer.stdout
