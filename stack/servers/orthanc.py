"""Two Orthancs of Debian's package: the hospital's PACS, plain, and the receiving one with our plugins."""

import json
import re
import secrets
import sys
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.probing import answers_http
from stack.processes import Programme
from stack.run_files import write_private
from stack.run_folder import RunFolder
from stack.servers.one_process import OneProcess

HOSPITAL_NAME = "HOSPITAL-PACS"
HOSPITAL_AET = "HOSPITALPACS"
RECEIVER_AET = "AIPULL"
USER = "aipull"
_REPOSITORY = Path(__file__).resolve().parents[2]
RECEIVER_CONFIGURATION = _REPOSITORY / "orthanc" / "config" / "orthanc.json"
_PYTHON_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancPython.so")
# Without it every C-STORE waits some 50 ms for Nagle's algorithm on loopback; Orthanc's DICOM toolkit reads
# the variable.
_DCMTK = {"TCP_NODELAY": "1"}
# An end of a running C-MOVE is waited for by Orthanc for a minute; its jobs survive a SIGKILL as well as a
# SIGTERM.
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True)
class OrthancPorts:
    """Where an Orthanc listens."""

    http: int
    dicom: int


class _Orthanc(OneProcess):
    """What both have in common: a process, a user, a REST API that wants both."""

    name: str
    purpose: str

    def __init__(self, run: RunFolder, ports: OrthancPorts) -> None:
        super().__init__(run)
        self.ports = ports
        self.user = USER
        self.password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """REST API."""
        return f"http://{self.host}:{self.ports.http}"

    def programme(self) -> Programme:
        """Debian's Orthanc with a configuration of ours."""
        return Programme(
            self.name,
            ["Orthanc", str(self.configuration())],
            self.answers,
            self.environment(),
            drop_environment=("ORTHANC_", "HOSPITAL_PACS_", "AIPULL_", "SITE_CONFIG", "PYTHON"),
            stop_within_s=_STOP_WITHIN_S,
            exit_file=self.exit_file(),
        )

    def exit_file(self) -> Path | None:
        """Where the next process reads how this one ended."""
        return None

    def listens_at(self) -> dict[str, int]:
        """HTTP and DICOM."""
        return {f"{self.purpose}, HTTP": self.ports.http, f"{self.purpose}, DICOM": self.ports.dicom}

    @abstractmethod
    def configuration(self) -> Path:
        """The configuration file that it is started with."""

    def environment(self) -> dict[str, str]:
        """Added to the environment of its process."""
        return dict(_DCMTK)

    def answers(self) -> bool:
        """Whether the REST API answers to user and password."""
        return answers_http(self.ports.http, "/system", (self.user, self.password), self.host)


class HospitalPacs(_Orthanc):
    """
    The PACS of a hospital: an Orthanc without plugins, storing on disk, that moves to the receiving one.

    Args:
        run: Its data lie in ``hospital/`` there.
        ports: Of its own.
        receiver_port: DICOM port of the receiving Orthanc, which it knows as AIPULL.
        encoding: Of its C-FIND answers (Orthanc's DefaultEncoding).
    """

    name = "hospital-pacs"
    purpose = "hospital PACS"
    aet = HOSPITAL_AET

    def __init__(
        self, run: RunFolder, ports: OrthancPorts, receiver_port: int, encoding: str = "Utf8"
    ) -> None:
        super().__init__(run, ports)
        self.folder = run.path / "hospital"
        self.receiver_port = receiver_port
        self.encoding = encoding
        self.more_environment: Mapping[str, str] = {}
        """Over the usual one."""

    def configuration(self) -> Path:
        """Write the configuration and say where."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        file = self.folder / "orthanc.json"
        write_private(file, json.dumps(self._settings(), indent=2))
        return file

    def environment(self) -> dict[str, str]:
        """Added to the environment of its process."""
        return {**super().environment(), **self.more_environment}

    def _settings(self) -> dict[str, object]:
        return {
            "Name": HOSPITAL_NAME,
            "StorageDirectory": str(self.folder / "store"),
            "IndexDirectory": str(self.folder / "store"),
            "HttpPort": self.ports.http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {self.user: self.password},
            "HttpCompressionEnabled": False,
            "DicomAet": self.aet,
            "DicomPort": self.ports.dicom,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomCheckModalityHost": True,
            "DicomModalities": {
                RECEIVER_AET: {
                    "AET": RECEIVER_AET,
                    "Host": LOOPBACK,
                    "Port": self.receiver_port,
                    "Timeout": 600,
                }
            },
            "DefaultEncoding": self.encoding,
            "MaximumPduLength": 131072,
            "StoreMD5ForAttachments": False,
            "StorageCompression": False,
            "SyncStorageArea": False,
            "MaximumStorageSize": 0,
            "MaximumPatientCount": 0,
            "LimitFindResults": 0,
            "LimitFindInstances": 0,
            "OverwriteInstances": True,
            "ConcurrentJobs": 4,
            "JobsHistorySize": 1000,
            "DicomThreadsCount": 8,
            "Plugins": [],
        }


@dataclass(frozen=True)
class ReceivingLinks:
    """What the receiving Orthanc must know of the others."""

    hospital_port: int
    pacs_module_url: str
    api_key: str
    log_folder: Path
    time_zone: str
    """The hospital's, by its IANA name."""
    site_config: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Over everything else, for what orthanc.json leaves to the site (ORTHANC_STABLE_AGE, ...)."""
    script: Path | None = None
    """In place of pull_plugin.py."""
    more_pacs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Beside the hospital's: name to AE title and DICOM port."""


class ReceivingOrthanc(_Orthanc):
    """
    The Orthanc with our plugins, as ``orthanc/config/orthanc.json`` sets it up, store and index on the RAM
    disk.

    Args:
        run: Journal and logs lie on disk there.
        ports: Of its own.
        ram_disk: The folder for store, index and hand-over.
        links: PACS and pacs_module.
    """

    name = "receiving-orthanc"
    purpose = "receiving Orthanc"
    aet = RECEIVER_AET

    def __init__(self, run: RunFolder, ports: OrthancPorts, ram_disk: Path, links: ReceivingLinks) -> None:
        super().__init__(run, ports)
        self.run = run
        self.ram_disk = ram_disk
        self.links = links
        self.handover_folder = ram_disk / "handover"
        self.journal = Path(links.environment.get("AIPULL_JOURNAL", run.path / "journal.db"))

    def exit_file(self) -> Path | None:
        """Beside the journal, as docker/orthanc/start.sh does."""
        return self.journal.with_name(f"{self.journal.name}.exit")

    def configuration(self) -> Path:
        """The repository's file, once all that it substitutes is given."""
        if not RECEIVER_CONFIGURATION.exists():
            raise StackError(f"{RECEIVER_CONFIGURATION.relative_to(_REPOSITORY)} is missing")
        if not _PYTHON_PLUGIN.exists():
            raise StackError("orthanc-python is not installed; `make setup` installs it")
        for folder in (self.handover_folder, self.links.log_folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        text = RECEIVER_CONFIGURATION.read_text(encoding="utf-8")
        check_substitutions(text, self.environment())
        if not self.links.more_pacs:
            return RECEIVER_CONFIGURATION
        file = self.run.path / "receiver.json"
        write_private(file, with_more_pacs(text, self.links.more_pacs))
        return file

    def environment(self) -> dict[str, str]:
        """All that the configuration and the plugins read."""
        site = {"SITE_CONFIG": str(self.links.site_config)} if self.links.site_config else {}
        return {
            **super().environment(),
            "PYTHONEXECUTABLE": sys.executable,
            "PYTHONUNBUFFERED": "1",
            "ORTHANC_PYTHON_PLUGIN": str(_PYTHON_PLUGIN),
            "ORTHANC_PYTHON_SCRIPT": str(
                self.links.script or _REPOSITORY / "orthanc" / "plugins" / "pull_plugin.py"
            ),
            "ORTHANC_NAME": "AI pull",
            "ORTHANC_AET": self.aet,
            "ORTHANC_DICOM_PORT": str(self.ports.dicom),
            "ORTHANC_HTTP_PORT": str(self.ports.http),
            "ORTHANC_STORE": str(self.ram_disk),
            "ORTHANC_USER": self.user,
            "ORTHANC_PASSWORD": self.password,
            "HOSPITAL_PACS_NAME": HOSPITAL_NAME,
            "HOSPITAL_PACS_AET": HOSPITAL_AET,
            "HOSPITAL_PACS_HOST": LOOPBACK,
            "HOSPITAL_PACS_PORT": str(self.links.hospital_port),
            "AIPULL_JOURNAL": str(self.journal),
            "AIPULL_HANDOVER_FOLDER": str(self.handover_folder),
            "AIPULL_HANDOVER_SEEN_AS": str(self.handover_folder),
            "AIPULL_PACS_MODULE_URL": self.links.pacs_module_url,
            "AIPULL_API_KEY": self.links.api_key,
            "AIPULL_LOG_FOLDER": str(self.links.log_folder),
            "AIPULL_TIME_ZONE": self.links.time_zone,
            **site,
            **self.links.environment,
        }


def with_more_pacs(configuration: str, more: Mapping[str, tuple[str, int]]) -> str:
    """
    orthanc.json with entries before the hospital's own, as an engineer writes them at a site with several
    PACS.
    """
    entries = [
        f'"{name}": {{"AET": "{aet}", "Host": "{LOOPBACK}", "Port": {port}, "AllowEcho": true, '
        '"AllowStore": true, '
        '"AllowFind": false, "AllowGet": false, "AllowMove": false},'
        for name, (aet, port) in more.items()
    ]
    head = '"DicomModalities": {'
    if head not in configuration:
        raise StackError(f"orthanc.json has no {head}")
    return configuration.replace(head, "\n    ".join([head, *entries]), 1)


def check_substitutions(configuration: str, environment: Mapping[str, str]) -> None:
    """
    Raise StackError when the configuration substitutes a variable that nobody sets.

    Orthanc leaves such a ``${NAME}`` as it stands, which shows much later and elsewhere. ``${NAME:-default}``
    is fine.
    """
    without_comments = "\n".join(
        line for line in configuration.splitlines() if not line.lstrip().startswith("//")
    )
    missing = sorted(set(re.findall(r"\$\{(\w+)\}", without_comments)) - set(environment))
    if missing:
        raise StackError(f"orthanc.json wants {', '.join(missing)} from the environment, and nobody sets it")
