"""Orthancs without our plugins, and dcmtk's archive and receiver: what a user would take instead."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.bench.images import Written
from stack.errors import StackError
from stack.ports import LOOPBACK, free_ports
from stack.probing import accepts_tcp
from stack.processes import Process, Programme
from stack.run_folder import RunFolder
from stack.servers.orthanc import RECEIVER_CONFIGURATION, OrthancPorts, ReceivingLinks, ReceivingOrthanc

ARCHIVE_AET = "HOSPITALPACS"
PATIENCE_S = 120.0
_PLUGIN_LINES = re.compile(r'"(?:Plugins|PythonScript|PythonVerbose)": .*\n')


@contextmanager
def ram_folder() -> Iterator[Path]:
    """A folder on the machine's shared memory."""
    folder = Path(tempfile.mkdtemp(prefix="aipull-bench-", dir="/dev/shm"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Bare(ReceivingOrthanc):
    """The receiving Orthanc as orthanc.json tunes it, without plugins."""

    def __init__(
        self, run: RunFolder, ram_disk: Path, ports: OrthancPorts | None = None, archive: int = 1
    ) -> None:
        (run.path / "logs").mkdir(exist_ok=True)
        links = ReceivingLinks(archive, "http://127.0.0.1:1", "key", run.path / "logs", "Asia/Shanghai")
        super().__init__(run, ports or OrthancPorts(*free_ports(2)), ram_disk, links)

    @property
    def auth(self) -> tuple[str, str]:
        """User and password of the REST API."""
        return self.user, self.password

    def configuration(self) -> Path:
        """The repository's file without the lines that load plugins."""
        super().configuration()
        text = _PLUGIN_LINES.sub("", RECEIVER_CONFIGURATION.read_text(encoding="utf-8"))
        file = self.run.path / "bare.json"
        file.write_text(re.sub(r",\s*}\s*$", "\n}\n", text), encoding="utf-8")
        return file


class Defaults(Bare):
    """
    Orthanc as it comes: nothing set but ports, folders, user and the archive.

    Args:
        nodelay: Whether TCP_NODELAY is set in its environment.
    """

    name = "default-orthanc"

    def __init__(
        self, run: RunFolder, ram_disk: Path, ports: OrthancPorts, archive: int, *, nodelay: bool
    ) -> None:
        super().__init__(run, ram_disk, ports, archive)
        self.archive, self.nodelay = archive, nodelay

    def configuration(self) -> Path:
        """A file with what must be set."""
        told = {
            "StorageDirectory": str(self.ram_disk / "store"), "IndexDirectory": str(self.ram_disk / "index"),
            "HttpPort": self.ports.http, "DicomPort": self.ports.dicom, "DicomAet": self.aet,
            "RegisteredUsers": {self.user: self.password}, "AuthenticationEnabled": True,
            "DicomModalities": {"HOSPITAL-PACS": [ARCHIVE_AET, LOOPBACK, self.archive]}, "Plugins": [],
        }  # fmt: skip
        file = self.run.path / "defaults.json"
        file.write_text(json.dumps(told), encoding="utf-8")
        return file

    def environment(self) -> dict[str, str]:
        """With TCP_NODELAY or without."""
        found = dict(super().environment())
        found["TCP_NODELAY"] = "1" if self.nodelay else "0"
        return found


def stored(url: str, auth: tuple[str, str]) -> int:
    """How many images an Orthanc has."""
    answer = requests.get(f"{url}/statistics", auth=auth, timeout=60)
    answer.raise_for_status()
    return int(answer.json()["CountInstances"])


def until_stored(url: str, auth: tuple[str, str], wanted: int, every_s: float = 0.02) -> float:
    """When an Orthanc had so many images, ``time.perf_counter``; TimeoutError when it does not get them."""
    deadline = time.perf_counter() + PATIENCE_S
    while stored(url, auth) < wanted:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{stored(url, auth)} of {wanted} images after {PATIENCE_S:g} s")
        time.sleep(every_s)
    return time.perf_counter()


class Archive:
    """
    dcmtk's dcmqrscp as the hospital's PACS: in C++, so that it takes little of the machine, and with some
    studies in it.

    Args:
        run: Its files lie there.
        folder: For the images; on a RAM disk.
        destinations: AE title and port of whom it may send to.
    """

    def __init__(self, run: RunFolder, folder: Path, destinations: Mapping[str, int]) -> None:
        (self.port,) = free_ports(1)
        store = folder / "archive"
        store.mkdir(parents=True)
        hosts = [
            f"host{at} = ({aet}, {LOOPBACK}, {port})" for at, (aet, port) in enumerate(destinations.items())
        ]
        lines = [
            f"NetworkTCPPort = {self.port}", "MaxPDUSize = 131072", "MaxAssociations = 32", "HostTable BEGIN", *hosts,
            "HostTable END", "VendorTable BEGIN", "VendorTable END", "AETable BEGIN",
            f"{ARCHIVE_AET} {store} RW (2000, 8192mb) ANY", "AETable END", "",
        ]  # fmt: skip
        configuration = run.path / "dcmqrscp.cfg"
        configuration.write_text("\n".join(lines), encoding="utf-8")
        command = ["dcmqrscp", "-c", str(configuration)]
        programme = Programme("dcmqrscp", command, lambda: accepts_tcp(self.port), {"TCP_NODELAY": "1"})
        self.process = Process(run, programme)
        self.process.start()

    def take(self, studies: Sequence[Written]) -> None:
        """Store their files."""
        for study in studies:
            folder = study.files[0].parent
            command = ["storescu", "+sd", "-aec", ARCHIVE_AET, LOOPBACK, str(self.port), str(folder)]
            _checked(command)


def move(archive: int, destination: str, study_uid: str) -> subprocess.Popen[bytes]:
    """Dcmtk's movescu asks the archive to send a study to an AE title; the running process."""
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study_uid}"]
    command = ["movescu", "-S", "-aet", "BENCH", "-aec", ARCHIVE_AET, "-aem", destination, *keys]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    return subprocess.Popen(
        [*command, LOOPBACK, str(archive)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class Storescp:
    """dcmtk's storescp +B, which only writes what comes: the wall."""

    aet = "STORESCP"

    def __init__(self, run: RunFolder, folder: Path, port: int) -> None:
        folder.mkdir(parents=True)
        command = ["storescp", "+B", "--fork", "-aet", self.aet, "-od", str(folder), str(port)]
        programme = Programme("storescp", command, lambda: accepts_tcp(port), {"TCP_NODELAY": "1"})
        self.process, self.folder = Process(run, programme), folder
        self.process.start()


def _checked(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "TCP_NODELAY": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise StackError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip() or done.returncode}")
