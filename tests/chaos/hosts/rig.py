"""
Three machines with a receiving Orthanc, a pacs_module and a RabbitMQ node each; PACS, backend and store beside them.

The nodes are one cluster with quorum queues. The store is a MongoDB-compatible server on no machine of the
three: no ``mongod`` can be had here, so nothing is shown of a replica set's elections. The hand-over folders
are seen by all through one file system in place of NFS: that a machine is cut off does not hide its folder.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from hospital_sim.sending.scu import Pacs
from pacs_module.shared import crash_points
from stack.ports import LOOPBACK, free_ports
from stack.ram_disk import make_ram_disk
from stack.run_files import write_private
from stack.run_folder import RunFolder
from stack.servers.backend import Backend
from stack.servers.orthanc import HospitalPacs, OrthancPorts, ReceivingLinks, ReceivingOrthanc
from stack.servers.pacs_module import PacsModule, PacsModuleLinks
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from stack.servers.secantusdb import SecantusDb
from stack.settings_file import as_switches, merged
from tests.chaos.audit.auditor import Audit, Sources, Wanted, add_left_over, audit, audit_all
from tests.chaos.hosts.network import Machine, Network
from tests.chaos.rig.small_day import Day, small_day

ZONE = "Asia/Shanghai"
DEADLINE_S = 240.0
LOOK_S = 0.3
NAMES = ("one", "two", "three")
QUEUES = tuple(f"aipull.delivery.{name}" for name in ("manual", "emergency", "green", "routine", "dead"))
_DISK_BYTES = 256 * 1024**2
_BACKEND = Path(__file__).parents[1] / "programs" / "backend.py"
_SWITCHES = {"STABLE_AGE": 5, "RAM_DISK_RESERVE_MB": 32, "KERNEL_PREFERRED": ["B30f"]}
_SETTINGS: dict[str, Any] = {
    "find_interval_s": 1.0, "lease_s": 5.0, "crossday": -1, "MOVE_SYNC": False,
    "orthanc": {"timeout_s": 3.0, "find_timeout_s": 15.0},
    "pull": {"first_pause_s": 1.0, "longest_pause_s": 5.0, "attempts": 12, "watch_s": 2.0, "room_pause_s": 1.0,
             "receiver_away_s": 3.0},
    "backend": {"first_pause_s": 1.0, "longest_pause_s": 5.0, "attempts": 12, "timeout_s": 10.0,
                "result_timeout_s": 20.0, "retention_s": 3.0},
    "rabbitmq": {"queues": "quorum"},
}  # fmt: skip
"""As at a site, but with pauses of seconds, as in tests.chaos.rig.harness."""
_TICK_S = 8
"""After so many seconds without a word RabbitMQ's nodes take one another for gone; 60 as shipped."""
_PARTITIONS = "cluster_partition_handling = pause_minority\n"
_MOVE_TIMEOUT_S = 20
"""After so long the PACS gives up a destination that says nothing."""


class Hospital(HospitalPacs):
    """Knows each of the machines as a destination of its own."""

    destinations: Sequence[tuple[str, str, int]] = ()
    """AE title, address, port."""

    def _settings(self) -> dict[str, object]:
        known = {
            title: {"AET": title, "Host": host, "Port": port, "Timeout": _MOVE_TIMEOUT_S}
            for title, host, port in self.destinations
        }
        return {**super()._settings(), "DicomModalities": known}


class Host:
    """
    One machine and the three servers on it.

    Args:
        machine: Where they run.
        run: Their folder, on the machine's own disk so to speak.
        ports: The same on each machine: Orthanc's HTTP and DICOM, pacs_module, RabbitMQ's three.
    """

    def __init__(self, machine: Machine, run: RunFolder, ports: Sequence[int]) -> None:
        self.machine = machine
        self.run = run
        self.name = NAMES[machine.number - 1]
        self.faults = run.path / "faults"
        self.faults.mkdir(mode=0o700)
        self.disk = make_ram_disk(run.path, None, _DISK_BYTES)
        self.orthanc_ports, self.port = OrthancPorts(ports[0], ports[1]), ports[2]
        self.rabbitmq = RabbitmqNode(run, RabbitmqPorts(*ports[3:]), machine.address)
        self.rabbitmq.within = machine.within
        self.rabbitmq.more_configuration = _PARTITIONS
        self.rabbitmq.erlang_arguments = ("-kernel", "net_ticktime", str(_TICK_S))

    def add_receiver(self, links: ReceivingLinks) -> None:
        """The Orthanc; then ``receiver`` is there."""
        self.receiver = ReceivingOrthanc(self.run, self.orthanc_ports, self.disk.path, links)
        self.receiver.aet = f"AIPULL{self.machine.number}"
        self._place(self.receiver)

    def add_pacs_module(self, links: PacsModuleLinks, settings: dict[str, Any]) -> None:
        """Then ``pacs_module`` is there."""
        self.pacs_module = PacsModule(self.run, self.port, links, settings)
        self._place(self.pacs_module)

    def _place(self, server: ReceivingOrthanc | PacsModule) -> None:
        server.host, server.within = self.machine.address, self.machine.within

    @property
    def url(self) -> str:
        """Of its pacs_module."""
        return f"http://{self.machine.address}:{self.port}"

    def as_receiver(self) -> dict[str, str]:
        """Its Orthanc, as in the settings."""
        receiver = self.receiver
        return {
            "name": self.name, "url": receiver.url, "username": receiver.user, "password": receiver.password,
            "handover_folder": str(receiver.handover_folder),
        }  # fmt: skip

    def answers(self) -> bool:
        """Whether all three servers answer."""
        return self.rabbitmq.accepts_connections() and self.receiver.answers() and self.pacs_module.answers()

    # --- what befalls it ---

    def cut_off(self) -> None:
        """The network is away; everything runs on."""
        self.machine.cut_off()

    def power_off(self) -> None:
        """All dead at once, and no word of it on the network; what was in memory is gone, the RAM disk with it."""
        self.machine.cut_off()
        for server in (self.pacs_module, self.receiver, self.rabbitmq):
            server.kill()
        self.rabbitmq.epmd.kill()
        for path in self.disk.path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def pause(self) -> None:
        """Every process stands still."""
        self.machine.signal(signal.SIGSTOP)

    def plug_in(self) -> None:
        """After ``cut_off``."""
        self.machine.plug_in()

    def power_on(self) -> None:
        """After ``power_off``."""
        self.machine.plug_in()
        together(self.rabbitmq.start, self.receiver.start, self.pacs_module.start)

    def go_on(self) -> None:
        """After ``pause``."""
        self.machine.signal(signal.SIGCONT)


class ThreeHosts:
    """
    All of it, running; a context manager.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults = folder / "faults"
        """Of the places in the three pacs_module: whichever gets there acts."""
        self.faults.mkdir(parents=True)
        self.wanted: list[Wanted] = []
        self._exits = ExitStack()

    def __enter__(self) -> ThreeHosts:
        try:
            self._open()
            self._start()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._exits.close()

    def _open(self) -> None:
        self.network = self._exits.enter_context(Network(len(NAMES)))
        self.office = self._exits.enter_context(RunFolder(self.folder / "office"))
        ports = free_ports(6)
        self.hosts = tuple(self._host(machine, ports) for machine in self.network.machines)
        self._add_office()
        self._add_servers()

    def _host(self, machine: Machine, ports: Sequence[int]) -> Host:
        run = self._exits.enter_context(RunFolder(self.folder / NAMES[machine.number - 1]))
        return Host(machine, run, ports)

    def _add_office(self) -> None:
        http, dicom, backend, store = free_ports(4)
        self.key = secrets.token_urlsafe(24)
        ports = self.hosts[0].orthanc_ports
        self.hospital = Hospital(self.office, OrthancPorts(http, dicom), ports.dicom)
        self.hospital.destinations = [
            (f"AIPULL{host.machine.number}", host.machine.address, ports.dicom) for host in self.hosts
        ]
        urls = ",".join(host.url for host in self.hosts)
        self.backend = Backend(self.office, backend, (urls, self.key))
        self.backend.script, self.backend.host = _BACKEND, self.network.office
        self.database = SecantusDb(self.office, store)
        self.database.host = self.network.office

    def _add_servers(self) -> None:
        switches = self.folder / "site_config.py"
        write_private(switches, as_switches(_SWITCHES))
        for host in self.hosts:
            host.add_receiver(self._receiving_links(host, switches))
        for host in self.hosts:
            host.add_pacs_module(self._links(host, switches), self._settings(host))

    def _receiving_links(self, host: Host, switches: Path) -> ReceivingLinks:
        own_first = [host.url, *(other.url for other in self.hosts if other is not host)]
        return ReceivingLinks(
            hospital_port=self.hospital.ports.dicom,
            pacs_module_url=",".join(own_first),
            api_key=self.key,
            log_folder=host.run.path / "site-logs",
            time_zone=ZONE,
            site_config=switches,
            environment={
                "AIPULL_RECEIVER": host.name,
                "HOSPITAL_PACS_HOST": self.network.office,
                "ORTHANC_REMOTE_ACCESS": "true",
                crash_points.VARIABLE: str(host.faults),
            },
        )

    def _links(self, host: Host, switches: Path) -> PacsModuleLinks:
        first = self.hosts[0].receiver
        return PacsModuleLinks(
            api_key=self.key,
            orthanc_url=first.url,
            orthanc_user=first.user,
            orthanc_password=first.password,
            rabbitmq_url=host.rabbitmq.url,
            backend_url=self.backend.url,
            backend_key=self.backend.key,
            backend_workers=2,
            log_folder=host.run.path / "site-logs",
            time_zone=ZONE,
            handover_folder=first.handover_folder,
            store_url=self.database.url,
            site_config=switches,
            environment={crash_points.VARIABLE: str(self.faults)},
        )

    def _settings(self, host: Host) -> dict[str, Any]:
        others = [f"{one.machine.address}:{one.rabbitmq.ports.amqp}" for one in self.hosts if one is not host]
        more = {
            "orthanc": {"name": self.hosts[0].name},
            "receiver": [one.as_receiver() for one in self.hosts[1:]],
            "rabbitmq": {"nodes": others},
        }
        return merged(_SETTINGS, more)

    def _start(self) -> None:
        first, *others = self.hosts
        receivers = [host.receiver.start for host in self.hosts]
        office = [self.hospital.start, self.backend.start, self.database.start]
        together(first.rabbitmq.start, *office, *receivers)
        for host in others:
            host.rabbitmq.join(first.rabbitmq)
            host.rabbitmq.start()
        for host in self.hosts:  # user and password of the others are the first one's since they have joined
            host.pacs_module.links = replace(host.pacs_module.links, rabbitmq_url=host.rabbitmq.url)
        together(*(host.pacs_module.start for host in self.hosts))

    # --- studies ---

    def send_day(self, name: str, cts: int = 1) -> Day:
        """Make a day and send it to the PACS."""
        day = small_day(name, ZONE, cts)
        self.wanted += day.wanted
        day.send(Pacs(LOOPBACK, self.hospital.ports.dicom, self.hospital.aet))
        return day

    def sources(self, host: Host) -> Sources:
        """For the auditor, with the receiving Orthanc of a machine."""
        receiver, hospital = host.receiver, self.hospital
        return Sources(
            pacs=(hospital.url, hospital.user, hospital.password),
            receiver=(receiver.url, receiver.user, receiver.password),
            record=self.backend.record,
            store=self.database.url,
            journal=receiver.journal,
            handover_folder=receiver.handover_folder,
            rabbitmq_url=host.rabbitmq.url,
            queues=QUEUES,
        )

    def until_whole(self, within_s: float = DEADLINE_S) -> None:
        """
        Until every machine's servers answer: a RabbitMQ node that was in the minority begins anew when it has found the
        others, and one more machine away before that would be two at once.
        """
        deadline = time.monotonic() + within_s
        for host in self.hosts:
            while not host.answers():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"machine {host.name} is not whole again after {within_s:g} s")
                time.sleep(LOOK_S)

    def until_settled(self, wanted: Sequence[Wanted], within_s: float = DEADLINE_S) -> Audit:
        """The audit of these studies once they are settled, or the last one before the deadline."""
        others = {study.study_uid for study in self.wanted}
        sources = self.sources(self.hosts[0])
        return _until(lambda: audit(sources, wanted, others), lambda found: found.settled, within_s)

    def until_clean(self, within_s: float = DEADLINE_S) -> Audit:
        """The audit of everything once nothing is left on any machine, or the last one before the deadline."""
        return _until(self._everything, lambda found: found.at_rest, within_s)

    def _everything(self) -> Audit:
        first, *others = self.hosts
        found = audit_all(self.sources(first), self.wanted)
        for host in others:
            add_left_over(found, self.sources(host))
        return found

    # --- places ---

    def hold(self, place: str, host: Host | None = None) -> Path:
        """
        Whoever gets to a place waits there until the file is removed that is there then.

        Args:
            place: Of :mod:`pacs_module.shared.crash_points`.
            host: Its Orthanc; None: any pacs_module.
        """
        faults = host.faults if host else self.faults
        waits = faults / f"{place}.waits"
        written = faults / f".{place}"
        written.write_text(str(waits), encoding="utf-8")
        written.rename(faults / place)
        return waits

    def who_waits(self, waits: Path) -> Host | None:
        """On whose machine the process is that waits; None while nobody does."""
        text = waits.read_text(encoding="ascii") if waits.exists() else ""
        return next((host for host in self.hosts if text and int(text) in host.machine.pids()), None)


def together(*works: Callable[[], None]) -> None:
    """Side by side; the first error when all have ended."""
    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()


def _until(look: Callable[[], Audit], good: Callable[[Audit], bool], within_s: float) -> Audit:
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if good(found) or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_S)
