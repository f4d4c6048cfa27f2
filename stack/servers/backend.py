"""The example AI backend as a process."""

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.errors import StackError
from stack.probing import answers_http
from stack.processes import Programme
from stack.run_folder import RunFolder
from stack.servers.one_process import OneProcess

_SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "ai_backend.py"


class Backend(OneProcess):
    """
    ``examples/ai_backend.py``; what it was given and computed stands in ``record``.

    Args:
        run: Holds the record.
        port: Of its own.
        pipeline: Where it posts its results: URL and API key of pacs_module.
        workers: How many series it computes at a time.
    """

    def __init__(self, run: RunFolder, port: int, pipeline: tuple[str, str], workers: int = 2) -> None:
        super().__init__(run)
        self.port = port
        self.pipeline_url, self.pipeline_key = pipeline
        self.workers = workers
        self.key = secrets.token_urlsafe(24)
        self.record = run.path / "backend-record.jsonl"
        self.script = _SCRIPT
        self.environment: Mapping[str, str] = {}

    @property
    def url(self) -> str:
        """Where pacs_module sends work to."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The same at another port, where a proxy stands in between."""
        return f"http://{self.host}:{port}/compute"

    def programme(self) -> Programme:
        """The example, with keys of its own."""
        if not self.script.exists():
            raise StackError(f"{self.script} is missing")
        options = {
            "--host": self.host,
            "--port": str(self.port),
            "--pipeline-url": self.pipeline_url,
            "--record": str(self.record),
            "--workers": str(self.workers),
        }
        command = [sys.executable, str(self.script), *(word for option in options.items() for word in option)]
        keys = {"BACKEND_KEY": self.key, "PIPELINE_API_KEY": self.pipeline_key}
        environment = {**keys, "PYTHONUNBUFFERED": "1", **self.environment}
        return Programme("backend", command, self.answers, environment)

    def answers(self) -> bool:
        """Whether it says that it is healthy."""
        return answers_http(self.port, "/health", host=self.host)

    def listens_at(self) -> dict[str, int]:
        """HTTP."""
        return {"AI backend": self.port}
