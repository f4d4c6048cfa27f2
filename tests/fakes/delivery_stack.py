"""
The delivering half of pacs_module, for real: RabbitMQ, store on disk, publisher, workers, HTTP API on a port,
a backend process.

What the plugins would hand over is handed over by :meth:`DeliveryStack.hand_over`; Orthanc and the PACS are
not there.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from pacs_module.domain.study.study import Study
from pacs_module.service.bootstrap import build
from pacs_module.service.loop import Role
from pacs_module.service.service import Service
from pacs_module.settings import load_settings
from pacs_module.web.app import create_app
from stack.ports import LOOPBACK, free_ports
from stack.probing import accepts_tcp
from stack.processes import Process, Programme
from stack.run_folder import RunFolder
from stack.settings_file import as_toml, merged
from tests.fakes.pipeline import Pipeline, handover_id
from tests.fakes.served import KEY
from tests.support.waiting import wait_for

BACKEND_KEY = "the-backends-own-key"
FAULTY = Path(__file__).with_name("faulty_backend.py")
QUICK = {
    "first_pause_s": 0.2,
    "longest_pause_s": 1.0,
    "circuit_pause_s": 0.2,
    "circuit_longest_pause_s": 1.0,
    "attempts": 30,
}
IMAGES = 3


class DeliveryStack:
    """One service and the places of its backend; made by :func:`delivering`."""

    def __init__(self, service: Service, folder: Path, run: RunFolder, ports: tuple[int, int]) -> None:
        self.service, self.folder, self.run = service, folder, run
        self.port, self.backend_port = ports
        self.record = folder / "backend.jsonl"
        self._lives = 0

    @property
    def url(self) -> str:
        """The API."""
        return f"http://{LOOPBACK}:{self.port}"

    def faulty_backend(self, **habits: Any) -> Process:
        """A backend with bad habits, not yet started; after it has ended another one takes its place."""
        return self.backend(
            [str(FAULTY), str(self.backend_port), self.url, str(self.record), json.dumps(habits)]
        )

    def backend(self, command: Sequence[str]) -> Process:
        """A backend as a Python process with its arguments, not yet started."""
        self._lives += 1
        keys = {"BACKEND_KEY": BACKEND_KEY, "PIPELINE_API_KEY": KEY, "TMPDIR": str(self.folder)}
        ready = lambda: accepts_tcp(self.backend_port)  # noqa: E731
        return Process(
            self.run,
            Programme(f"backend-{self._lives}", [sys.executable, *command], ready, keys, ready_within_s=60),
        )

    def hand_over(self, number: int, priority: int = 0) -> str:
        """As the plugins do; the study's UID."""
        uid = f"1.2.840.99.{number}"
        folder = self.folder / "store_image" / handover_id(number)
        folder.mkdir(parents=True)
        for image in range(IMAGES):
            (folder / f"{image}.dcm").write_bytes(f"{number} {image}".encode() * 1000)
        message = Pipeline().message(
            None, IMAGES, studyUID=uid, handoverID=handover_id(number), filepath=str(folder)
        )
        message["series"] = [
            {"seriesUID": message["seriesUID"], "filepath": str(folder), "numberReceived": IMAGES}
        ]
        message["priorities"] = priority
        self.service.accept(message)
        self.service.wake(Role.PUBLISH)
        return uid

    def study(self, uid: str) -> Study:
        """As it is stored now."""
        study = self.service.store.get(uid)
        assert study is not None
        return study

    def states(self, uids: Sequence[str]) -> list[str]:
        """Where each study stands."""
        return [state.value if (state := self.study(uid).state) else "" for uid in uids]

    def until(self, uids: Sequence[str], *states: str, seconds: float = 120.0) -> None:
        """All of them are in one of these states."""
        wait_for(lambda: set(self.states(uids)) <= set(states), seconds, f"{states}, now {self.states(uids)}")

    def told(self, event: str) -> list[dict[str, Any]]:
        """Lines of the backend's record; not the one that is just being written."""
        text = self.record.read_text(encoding="utf-8") if self.record.exists() else ""
        lines = text.rpartition("\n")[0].splitlines()
        return [entry for entry in map(json.loads, lines) if entry["event"] == event]


@contextmanager
def delivering(run: RunFolder, folder: Path, rabbitmq_url: str, **backend: Any) -> Iterator[DeliveryStack]:
    """A running stack; ``backend`` are settings of that section."""
    port, backend_port = free_ports(2)
    values = {
        "time_zone": "Asia/Shanghai",
        "log_folder": str(folder / "log"),
        "pacs": [{"name": "A"}],
        "web": {"port": port, "api_key": KEY, "debug_asks_pacs": False},
        "store": {"url": f"sqlite:///{folder}/study.db"},
        "rabbitmq": {"url": rabbitmq_url},
        "backend": {
            "url": f"http://{LOOPBACK}:{backend_port}/compute",
            "key": BACKEND_KEY,
            "workers": 3,
            **QUICK,
        },
    }
    file = folder / "settings.toml"
    file.write_text(as_toml(merged(values, {"backend": backend})), encoding="utf-8")
    service = build(load_settings(file))
    server = uvicorn.Server(uvicorn.Config(create_app(service), port=port, log_level="warning"))
    web = threading.Thread(target=server.run, name="web")
    web.start()
    loops = [loop for name, loop in service.loops.items() if name == "publish" or name.startswith("WORKER")]
    for loop in loops:
        loop.start()
    try:
        wait_for(lambda: server.started, what="the API")
        yield DeliveryStack(service, folder, run, (port, backend_port))
    finally:
        server.should_exit = True
        for loop in loops:
            loop.stop()
        for loop in loops:
            loop.join(30)
        web.join(30)
        service.queue.close()
        service.store.close()
