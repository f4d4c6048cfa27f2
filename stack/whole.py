"""The whole pipeline on loopback, in one folder."""

import contextlib
import json
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from stack.errors import StackError
from stack.interrupts import interrupts_wait
from stack.ports import LOOPBACK, check_free, free_ports
from stack.ram_disk import GIB, RamDisk, make_ram_disk
from stack.run_files import RUN_FILE, write_private
from stack.run_folder import RunFolder
from stack.servers.backend import Backend
from stack.servers.orthanc import HospitalPacs, OrthancPorts, ReceivingLinks, ReceivingOrthanc
from stack.servers.pacs_module import PacsModule, PacsModuleLinks
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from stack.servers.secantusdb import SecantusDb
from stack.settings_file import as_switches


@dataclass(frozen=True)
class StackPorts:
    """Every port of a stack."""

    hospital: OrthancPorts
    receiver: OrthancPorts
    rabbitmq: RabbitmqPorts
    pacs_module: int
    backend: int

    @classmethod
    def free(cls) -> "StackPorts":
        """Ports that nobody uses now: for tests, any number of them side by side."""
        h, hd, r, rd, amqp, distribution, epmd, pacs_module, backend = free_ports(9)
        return cls(
            OrthancPorts(h, hd),
            OrthancPorts(r, rd),
            RabbitmqPorts(amqp, distribution, epmd),
            pacs_module,
            backend,
        )

    @classmethod
    def usual(cls) -> "StackPorts":
        """The same ones each time, the well-known number and 10000 where there is one: for people."""
        return cls(
            hospital=OrthancPorts(http=18043, dicom=14243),
            receiver=OrthancPorts(http=18042, dicom=14242),
            rabbitmq=RabbitmqPorts(amqp=15682, distribution=15683, epmd=14369),
            pacs_module=17000,
            backend=19000,
        )

    def by_purpose(self) -> dict[str, int]:
        """For messages."""
        return {
            "hospital PACS, HTTP": self.hospital.http,
            "hospital PACS, DICOM": self.hospital.dicom,
            "receiving Orthanc, HTTP": self.receiver.http,
            "receiving Orthanc, DICOM": self.receiver.dicom,
            "RabbitMQ": self.rabbitmq.amqp,
            "RabbitMQ's distribution": self.rabbitmq.distribution,
            "RabbitMQ's epmd": self.rabbitmq.epmd,
            "pacs_module": self.pacs_module,
            "AI backend": self.backend,
        }


CONNECTIONS = (
    "Orthanc to PACS", "PACS to Orthanc", "pacs_module to Orthanc", "Orthanc to pacs_module",
    "pacs_module to RabbitMQ", "pacs_module to backend", "backend to pacs_module",
)  # fmt: skip
"""All connections between servers; ``StackOptions.detour`` is asked for each."""
TO_STORE = "pacs_module to MongoDB"
"""One more, with ``store="mongodb"``."""


@dataclass(frozen=True)
class StackOptions:
    """How a stack differs from the usual one."""

    ram_disk: Path | None = None
    """A folder on a tmpfs; None: a mount of our own as root, else the machine's shared memory."""
    ram_disk_bytes: int = 2 * GIB
    """Needed free, and the size of a mount of our own."""
    ports: StackPorts | None = None
    """None: free ones."""
    switches: Mapping[str, Any] | None = None
    """Over orthanc/config/config.py."""
    settings: Mapping[str, Any] | None = None
    """Over pacs_module's settings, table by table."""
    orthanc_environment: Mapping[str, str] = field(default_factory=dict)
    """
    Over the receiving Orthanc's environment, for what orthanc.json leaves to the site (ORTHANC_STABLE_AGE,
    ...).
    """
    pacs_module_environment: Mapping[str, str] = field(default_factory=dict)
    """Over pacs_module's environment."""
    rabbitmq_environment: Mapping[str, str] = field(default_factory=dict)
    pacs_environment: Mapping[str, str] = field(default_factory=dict)
    orthanc_script: Path | None = None
    """
    Loaded by the receiving Orthanc in place of pull_plugin.py: for tests that break something on purpose.
    """
    pacs_module_command: tuple[str, ...] = ()
    """In place of the installed ``pacs-module``; for the same tests."""
    detour: Callable[[str, int], int] = lambda name, port: port
    """
    Where a connection goes instead of a port: its name, as in ``CONNECTIONS``, and the port. For a proxy in
    between.
    """
    more_pacs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """
    PACS beside the hospital's that the caller runs: name to AE title and DICOM port. The receiving Orthanc
    knows them; pacs_module asks them where ``settings`` has them under ``pacs``.
    """
    store: Literal["sqlite", "mongodb"] = "sqlite"
    """``mongodb``: on a MongoDB-compatible server (stack.secantusdb), which is not MongoDB itself."""
    time_zone: str = "Asia/Shanghai"
    """The hospital's; both processes of ours get it."""
    backend_workers: int = 2
    backend_script: Path | None = None
    """In place of examples/ai_backend.py."""
    backend_environment: Mapping[str, str] = field(default_factory=dict)
    survive: bool = False
    """Whether ``leave_running`` will be called (KEEP=1)."""


class Server(Protocol):
    """What the stack needs of each server."""

    def start(self) -> None:
        """Start and wait until ready."""

    def stop(self) -> None:
        """Stop, data kept."""

    def cancel(self) -> None:
        """Break off a start in another thread."""


class Stack:
    """
    Hospital PACS, receiving Orthanc, RabbitMQ, pacs_module and AI backend, and a database where asked for; a
    context manager.

    Leaving it stops everything, in whatever state it is, and gives the RAM disk back; the run folder with
    logs stays.

    Args:
        run_folder: Everything lies in it but the RAM disk.
        options: What is not as usual.
        say: Gets a line a step, from several threads.
    """

    hospital: HospitalPacs
    receiver: ReceivingOrthanc
    rabbitmq: RabbitmqNode
    pacs_module: PacsModule
    backend: Backend
    database: SecantusDb | None = None
    ram_disk: RamDisk

    def __init__(
        self,
        run_folder: Path,
        options: StackOptions | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.options = options or StackOptions()
        self.run = RunFolder(run_folder, survive=self.options.survive)
        self.ports = self.options.ports or StackPorts.free()
        self._say = say
        self._servers: dict[str, Server] = {}
        self._left_running = False

    @property
    def time_zone(self) -> str:
        """The hospital's, the same for both processes of ours, whichever way it was given."""
        return str((self.options.settings or {}).get("time_zone", self.options.time_zone))

    @property
    def log_folder(self) -> Path:
        """Where orthanc-python.log and dcm_end.log are."""
        return self.run.path / "site-logs"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._left_running:
            self.stop(gracefully=kind is None)

    def start(self) -> None:
        """Start all; StackError, with nothing left behind, when one does not get there."""
        self.run.refuse_a_living_run()  # before the ports, which would only say that nine of them are in use
        check_free(self.ports.by_purpose())
        self.run.open()
        try:
            self.ram_disk = make_ram_disk(self.run.path, self.options.ram_disk, self.options.ram_disk_bytes)
            self._say(f"RAM disk: {self.ram_disk.path}")
            self._assemble()
            self._write_run_file()
            self._start_together(*(name for name in self._servers if name != "pacs_module"))
            self._start_together("pacs_module")
        except BaseException:
            self.stop(gracefully=False)
            raise

    def stop(self, gracefully: bool = True) -> None:
        """
        Stop all, completely; a second Ctrl-C does not break it off.

        Args:
            gracefully: SIGTERM first, which takes some 3 s. Without, after Ctrl-C or an error, SIGKILL at
            once.
        """
        with _undisturbed():
            try:
                if gracefully:
                    self._stop_together("pacs_module")
                    self._stop_together(*self._servers)
            finally:
                self.run.close()

    def leave_running(self) -> None:
        """Everything runs on when this process ends; ``stack.run_folder.stop_run`` ends it."""
        self.run.leave_running()
        self._left_running = True

    def addresses(self) -> dict[str, dict[str, Any]]:
        """Addresses and credentials, as in run.json."""
        return {
            "hospital_pacs": _orthanc_address(self.hospital),
            "receiving_orthanc": _orthanc_address(self.receiver),
            "rabbitmq": {"url": self.rabbitmq.url},
            "pacs_module": {"url": self.pacs_module.url, "api_key": self.pacs_module.api_key},
            "backend": {"url": self.backend.url, "key": self.backend.key, "record": str(self.backend.record)},
            "folders": {
                "run": str(self.run.path),
                "ram_disk": str(self.ram_disk.path),
                "handover": str(self.receiver.handover_folder),
                "logs": str(self.log_folder),
                "server_logs": str(self.run.logs),
                "store": self.database.url if self.database else str(self.pacs_module.store_file),
                "settings": str(self.pacs_module.settings_file),
            },
        }

    def _assemble(self) -> None:
        """Make the servers, each with the addresses and keys of those that it talks to."""
        self.log_folder.mkdir(mode=0o700, exist_ok=True)
        site_config, api_key = self._write_switches(), secrets.token_urlsafe(24)
        self.rabbitmq = RabbitmqNode(self.run, self.ports.rabbitmq)
        self.rabbitmq.environment = self.options.rabbitmq_environment
        self.hospital = self._hospital()
        self.receiver = self._receiver(api_key, site_config)
        if self.options.store == "mongodb":
            self.database = SecantusDb(self.run, free_ports(1)[0])
        self.backend = self._backend(api_key)
        links = self._pacs_module_links(api_key, site_config)
        self.pacs_module = PacsModule(self.run, self.ports.pacs_module, links, self.options.settings)
        self._servers = {
            "RabbitMQ": self.rabbitmq,
            "hospital PACS": self.hospital,
            "receiving Orthanc": self.receiver,
            "AI backend": self.backend,
            "pacs_module": self.pacs_module,
        }
        if self.database:
            self._servers["SecantusDB"] = self.database

    def _hospital(self) -> HospitalPacs:
        receiver_port = self.options.detour("PACS to Orthanc", self.ports.receiver.dicom)
        hospital = HospitalPacs(self.run, self.ports.hospital, receiver_port)
        hospital.more_environment = self.options.pacs_environment
        return hospital

    def _receiver(self, api_key: str, site_config: Path | None) -> ReceivingOrthanc:
        ports, via = self.ports, self.options.detour
        links = ReceivingLinks(
            hospital_port=via("Orthanc to PACS", ports.hospital.dicom),
            pacs_module_url=_http(via("Orthanc to pacs_module", ports.pacs_module)),
            api_key=api_key,
            log_folder=self.log_folder,
            time_zone=self.time_zone,
            site_config=site_config,
            environment=self.options.orthanc_environment,
            script=self.options.orthanc_script,
            more_pacs=self.options.more_pacs,
        )
        return ReceivingOrthanc(self.run, ports.receiver, self.ram_disk.path, links)

    def _backend(self, api_key: str) -> Backend:
        results_to = _http(self.options.detour("backend to pacs_module", self.ports.pacs_module))
        backend = Backend(self.run, self.ports.backend, (results_to, api_key), self.options.backend_workers)
        backend.script = self.options.backend_script or backend.script
        backend.environment = self.options.backend_environment
        return backend

    def _pacs_module_links(self, api_key: str, site_config: Path | None) -> PacsModuleLinks:
        ports, via = self.ports, self.options.detour
        return PacsModuleLinks(
            api_key=api_key,
            orthanc_url=_http(via("pacs_module to Orthanc", ports.receiver.http)),
            orthanc_user=self.receiver.user,
            orthanc_password=self.receiver.password,
            rabbitmq_url=self.rabbitmq.url_at(via("pacs_module to RabbitMQ", ports.rabbitmq.amqp)),
            backend_url=self.backend.url_at(via("pacs_module to backend", ports.backend)),
            backend_key=self.backend.key,
            backend_workers=self.options.backend_workers,
            log_folder=self.log_folder,
            handover_folder=self.receiver.handover_folder,
            time_zone=self.time_zone,
            store_url=self.database.url_at(via(TO_STORE, self.database.port)) if self.database else "",
            site_config=site_config,
            environment=self.options.pacs_module_environment,
            command=self.options.pacs_module_command,
        )

    def _write_switches(self) -> Path | None:
        if not self.options.switches:
            return None
        file = self.run.path / "site_config.py"
        write_private(file, as_switches(self.options.switches))
        return file

    def _write_run_file(self) -> None:
        write_private(self.run.path / RUN_FILE, json.dumps(self.addresses(), indent=2))

    def _start_together(self, *names: str) -> None:
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            # around submit, too: Ctrl-C comes at its end
            try:
                with interrupts_wait():
                    starts = [pool.submit(self._start_one, name) for name in names]
                _results(starts)
            except BaseException:
                for name in names:
                    with contextlib.suppress(StackError):  # it could not even be put together
                        self._servers[name].cancel()
                raise

    def _start_one(self, name: str) -> None:
        self._say(f"{name}: starting")
        begin = time.monotonic()
        self._servers[name].start()
        self._say(f"{name}: ready after {time.monotonic() - begin:.1f} s")

    def _stop_together(self, *names: str) -> None:
        servers = [self._servers[name] for name in names if name in self._servers]
        with ThreadPoolExecutor(max_workers=8) as pool:
            for stop in [pool.submit(server.stop) for server in servers]:
                with contextlib.suppress(StackError):  # what does not end is ended when the run folder closes
                    stop.result()


def _results(starts: "list[Future[None]]") -> None:
    wait(starts, return_when=FIRST_EXCEPTION)
    for start in starts:
        if start.done():
            start.result()


def _orthanc_address(orthanc: HospitalPacs | ReceivingOrthanc) -> dict[str, Any]:
    return {
        "url": orthanc.url,
        "user": orthanc.user,
        "password": orthanc.password,
        "aet": orthanc.aet,
        "dicom_port": orthanc.ports.dicom,
    }


def _http(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
