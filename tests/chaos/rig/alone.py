"""
pacs_module by itself, as a process: nobody is there at any address of its settings unless a test puts
somebody there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from pacs_module.cli.serve import CLOSE_S, STOP_S
from stack.ports import free_ports
from stack.settings_file import as_toml, merged

DEADLINE_S = 120.0
STOP_WITHIN_S = STOP_S + CLOSE_S + 10.0
"""What the code promises, and something for the machine that it runs on."""


@dataclass
class Alone:
    """
    A context manager that leaves no process.

    Args:
        folder: Of settings, store and logs.
        overrides: Over the settings, table by table.
        environment: Over this process's.
        program: In place of the installed ``pacs-module``.
    """

    folder: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    program: Sequence[str] = (str(Path(sys.executable).parent / "pacs-module"),)

    def __post_init__(self) -> None:
        self.port, nobody = free_ports(2)
        self.store = self.folder / "study.db"
        self.log_folder = self.folder / "log"
        self.errors = self.folder / "stderr.txt"
        self._settings: dict[str, Any] = {
            "time_zone": "Asia/Shanghai",
            "log_folder": str(self.log_folder),
            "pacs": [{"name": "A"}],
            "orthanc": {
                "url": f"http://127.0.0.1:{nobody}",
                "username": "aipull",
                "password": "another-secret-word",
            },
            "web": {"port": self.port, "api_key": "correct-horse-battery"},
            "store": {"url": f"sqlite:///{self.store}"},
            "rabbitmq": {"url": f"amqp://user:another-secret-word@127.0.0.1:{nobody}/%2F"},
            "backend": {"url": f"http://127.0.0.1:{nobody}/compute", "key": "another-secret-word"},
        }

    def __enter__(self) -> Alone:
        file = self.folder / "settings.toml"
        file.write_text(as_toml(merged(self._settings, self.overrides)), encoding="utf-8")
        command = [*self.program, "run", "--settings", str(file)]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stderr=errors, env={**os.environ, **self.environment})
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def get(self, path: str) -> requests.Response:
        """From its API."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=60)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """
        What the condition gives once it holds; TimeoutError that says what was waited for, with standard
        error.
        """
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                if found := condition():
                    return found
            except requests.ConnectionError:
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError(f"it is not so that {what}; standard error: {self.said()}")
            time.sleep(0.05)

    def until_alive(self) -> None:
        """Until it answers."""
        self.wait(lambda: self.get("/health/live").ok, "it is alive")

    def awaited(self) -> dict[str, dict[str, Any]]:
        """Whom it says that it waits for, by name."""
        return {entry["what"]: entry for entry in self.get("/health/ready").json()["waitsFor"]}

    def events(self) -> list[dict[str, Any]]:
        """What stands in its log, the events of it."""
        text = (self.log_folder / "dcm_end.jsonl").read_text(encoding="utf-8")
        return [
            entry
            for line in text.splitlines()
            if line.endswith("}") and "event" in (entry := json.loads(line))
        ]

    def said(self) -> str:
        """What it has written to standard error."""
        return self.errors.read_text(encoding="utf-8")

    def ends(self) -> int:
        """Its exit status, once it has ended by itself."""
        return self.process.wait(DEADLINE_S)

    def stopped(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status after a signal; subprocess.TimeoutExpired when it takes longer than promised."""
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)
