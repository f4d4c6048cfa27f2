"""Our pacs_module as a process."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.errors import StackError
from stack.probing import answers_http
from stack.processes import Programme
from stack.run_files import write_private
from stack.run_folder import RunFolder
from stack.servers.one_process import OneProcess
from stack.servers.orthanc import HOSPITAL_NAME
from stack.settings_file import as_toml, merged


@dataclass(frozen=True)
class PacsModuleLinks:
    """What pacs_module must know of the others."""

    api_key: str
    """Its own, which the plugins and the backend show."""
    orthanc_url: str
    orthanc_user: str
    orthanc_password: str
    rabbitmq_url: str
    backend_url: str
    backend_key: str
    backend_workers: int
    log_folder: Path
    time_zone: str
    handover_folder: Path | None = None
    """As the plugins tell it."""
    store_url: str = ""
    """Empty: a SQLite file in the run folder."""
    site_config: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """In place of the installed ``pacs-module``."""


class PacsModule(OneProcess):
    """
    ``pacs-module run`` with settings of its own, its SQLite store (if that is its store) on disk in the run
    folder.

    Args:
        run: Holds settings and store.
        port: Of its API.
        links: The others.
        overrides: Merged over the settings, table by table.
        name: Of the process and its files; a second one beside the first, on the same store, needs another.
    """

    def __init__(
        self,
        run: RunFolder,
        port: int,
        links: PacsModuleLinks,
        overrides: Mapping[str, Any] | None = None,
        name: str = "pacs-module",
    ) -> None:
        super().__init__(run)
        self.name = name
        self.port = port
        self.links = links
        self.api_key = links.api_key
        self.settings_file = run.path / f"{name}.toml"
        self.store_file = run.path / "study.db"
        self.log_folder = links.log_folder
        self.overrides = dict(overrides or {})

    @property
    def url(self) -> str:
        """Its API."""
        return f"http://{self.host}:{self.port}"

    def programme(self) -> Programme:
        """``pacs-module run`` of this venv."""
        program = Path(sys.executable).parent / "pacs-module"
        if not program.exists():
            raise StackError("pacs-module is not installed beside this Python; `make setup` installs it")
        command = [*(self.links.command or (str(program),)), "run", "--settings", str(self.settings_file)]
        environment = {"PYTHONUNBUFFERED": "1", **self.links.environment}
        dropped = ("PACS_MODULE_", "AIPULL_")
        return Programme(self.name, command, self.answers, environment, drop_environment=dropped)

    def settings(self) -> dict[str, Any]:
        """The settings with the overrides."""
        links = self.links
        base: dict[str, Any] = {
            "time_zone": links.time_zone,
            "log_folder": str(links.log_folder),
            "pacs": [{"name": HOSPITAL_NAME}],
            "orthanc": {
                "url": links.orthanc_url,
                "username": links.orthanc_user,
                "password": links.orthanc_password,
            },
            "web": {"host": self.host, "port": self.port, "api_key": self.api_key},
            "store": {"url": links.store_url or f"sqlite:///{self.store_file}"},
            "rabbitmq": {"url": links.rabbitmq_url},
            "backend": {"url": links.backend_url, "key": links.backend_key, "workers": links.backend_workers},
        }
        if links.handover_folder:
            base["handover_folder"] = str(links.handover_folder)
        if links.site_config:
            base["site_config"] = str(links.site_config)
        return merged(base, self.overrides)

    def answers(self) -> bool:
        """Whether it says that it is healthy."""
        return answers_http(self.port, "/health", host=self.host)

    def listens_at(self) -> dict[str, int]:
        """HTTP."""
        return {"pacs_module": self.port}

    def start(self) -> None:
        """Write the settings as they are now, start, wait until it is healthy."""
        self.links.log_folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self.settings_file, as_toml(self.settings()))
        super().start()
