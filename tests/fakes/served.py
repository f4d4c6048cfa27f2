"""A service as bootstrap makes it, on SQLite, with no loop running and no server behind it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pacs_module.domain.find.windows import Window
from pacs_module.service.bootstrap import build
from pacs_module.service.service import Service
from pacs_module.settings import load_settings
from tests.fakes.pipeline import answer
from tests.fakes.world import DAY, FakePacs

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer versions would rather have a successor of httpx
    from fastapi.testclient import TestClient as TestClient

KEY = "correct-horse-battery"
SETTINGS = """
time_zone = "Asia/Shanghai"
log_folder = "{folder}/log"
[[pacs]]
name = "A"
[orthanc]
username = "aipull"
password = "another-secret-word"
[web]
port = {port}
api_key = "{key}"
[store]
url = "sqlite:///{folder}/study.db"
[rabbitmq]
url = "amqp://user:another-secret-word@127.0.0.1:1/%2F"
[backend]
url = "http://127.0.0.1:1/compute"
key = "another-secret-word"
"""


def settings_file(folder: Path, port: int = 7000) -> Path:
    """A settings file of its own in the folder."""
    file = folder / "settings.toml"
    file.write_text(SETTINGS.format(folder=folder, port=port, key=KEY), encoding="utf-8")
    return file


@contextmanager
def service_on(file: Path) -> Iterator[tuple[Service, FakePacs]]:
    """The service of that file, and the PACS that it finds at."""
    service = build(load_settings(file))
    pacs = FakePacs("A")
    service.finder.finder = pacs
    try:
        yield service, pacs
    finally:
        service.queue.close()
        service.store.close()


def found(service: Service, pacs: FakePacs) -> None:
    """The PACS has one chest CT, and a find has seen it."""
    pacs.studies["A"] = [answer()]
    service.find("A", Window(DAY))
