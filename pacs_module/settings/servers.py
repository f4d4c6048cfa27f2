"""``[orthanc]``, ``[rabbitmq]``, ``[store]`` and ``[web]``: the servers around us, and our own."""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FilePath, SecretStr, field_validator, model_validator

from ..domain.access.keys import weakness
from ..ports.delivery import BrokerAddress
from .oidc import OidcSettings
from .section import Address, Seconds, Section


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("an address or a network such as 10.1.2.3 or 10.1.0.0/16") from None
    return value


def _is_address_of(url: str, schemes: tuple[str, ...]) -> bool:
    """
    Whether it has one of these schemes, a host, and nothing that a password with bare signs leaves behind.
    """
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    bare = rest.count("@") != authority.count("@") or authority.count("@") > 1
    bare = bare or re.search(r"%(?![0-9A-Fa-f]{2})", url) is not None
    return scheme.lower() in schemes and bool(authority.rpartition("@")[2].strip(":")) and not bare


Network = Annotated[str, AfterValidator(_network)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,253}$")]


Node = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,253}(:[0-9]{1,5})?$")]
ReceiverName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]


class OrthancSettings(Section):
    """The receiving Orthanc; the first one where ``[[receiver]]`` names further ones."""

    name: ReceiverName = "orthanc"
    """What it is called where there are several: AIPULL_RECEIVER of its plugins."""
    url: Address = "http://127.0.0.1:8042"
    username: str = ""
    password: SecretStr = SecretStr("")
    timeout_s: Seconds = 30.0
    find_timeout_s: Seconds = 120.0
    """Deadline of one C-FIND."""
    dicom_host: str = ""
    """Host name or address by which the PACS reach it: only told to people, when a PACS does not know us."""
    dicom_port: int = Field(default=0, ge=0, le=65535)
    """Its DICOM port as the PACS see it; 0: the one that it listens on."""
    concurrent_jobs: int = Field(default=4, ge=1)
    """Its ConcurrentJobs: C-MOVEs beyond that wait in its queue."""
    restart_silent_scp: bool = False
    """End it when it does not answer its own C-ECHO any more; its supervisor starts it again."""


class ReceiverSettings(Section):
    """
    A further receiving Orthanc beside ``[orthanc]``, a move destination of its own; what is not given is as
    there.
    """

    name: ReceiverName
    url: Address
    username: str = ""
    password: SecretStr = SecretStr("")
    handover_folder: Path | None = None
    """Its hand-over folder as pacs_module sees it; None: below the common one."""
    dicom_host: str = ""
    dicom_port: int = Field(default=0, ge=0, le=65535)

    def beside(self, first: OrthancSettings) -> OrthancSettings:
        """All that is known of it."""
        changed: dict[str, object] = {"name": self.name, "url": self.url}
        changed |= {"dicom_host": self.dicom_host, "dicom_port": self.dicom_port}
        if self.username:
            changed |= {"username": self.username, "password": self.password}
        return first.model_copy(update=changed)


class RabbitSettings(Section):
    """RabbitMQ; with ``amqps://`` its certificate is checked, and ours is shown when it is given."""

    url: SecretStr
    ca_file: FilePath | None = None
    """Authorities of its certificate, PEM; not given: the system's."""
    certificate: FilePath | None = None
    key: FilePath | None = None
    """Ours, PEM, for a broker that wants them."""
    nodes: tuple[Node, ...] = ()
    """Further nodes of a cluster, ``host`` or ``host:port``: same user, password and virtual host."""
    queues: Literal["classic", "quorum"] = "classic"
    """``quorum``: one replicated queue for each class of priority; what lies in the other kind is moved."""

    @field_validator("url")
    @classmethod
    def _escaped(cls, value: SecretStr) -> SecretStr:
        """A sign of the password that is not escaped makes another host of it."""
        if not _is_address_of(value.get_secret_value(), ("amqp", "amqps")):
            raise ValueError("amqp://user:password@host:port/%2F, or amqps; signs of the password as %40")
        return value

    @model_validator(mode="after")
    def _whole(self) -> RabbitSettings:
        tls = self.url.get_secret_value().lower().startswith("amqps://")
        if (self.ca_file or self.certificate or self.key) and not tls:
            raise ValueError("an address that begins with amqps:// beside ca_file, certificate and key")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key together")
        return self

    @property
    def address(self) -> BrokerAddress:
        """As the adapter takes it."""
        ca_file, certificate, key = (str(one or "") for one in (self.ca_file, self.certificate, self.key))
        quorum = self.queues == "quorum"
        return BrokerAddress(self.url.get_secret_value(), ca_file, certificate, key, self.nodes, quorum)


class StoreSettings(Section):
    """``sqlite:///path`` (default, one machine), ``mongodb://...`` or ``memory:`` (tests)."""

    url: str = "sqlite:///study_info.db"

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        of_a_file = value.startswith("sqlite:///") and value != "sqlite:///"
        if value.startswith("memory:") or of_a_file or _is_address_of(value, ("mongodb", "mongodb+srv")):
            return value
        raise ValueError(
            "sqlite:////absolute/path.db, or mongodb://user:password@host:port/database; signs of the password "
            "as %40"
        )


class WebSettings(Section):
    """Our own HTTP server, and who may ask it what."""

    host: str = "127.0.0.1"
    port: int = Field(default=7000, ge=1, le=65535)
    api_key: SecretStr
    """
    The shared key of plugins and backend. As long as nobody has a key with the role admin (``pacs-module key
    make``) it opens everything else, too.
    """
    api_key_roles: Literal["until_admin", "machines"] = "until_admin"
    """``machines``: it is for plugins and backend only, whether there is an admin's key or not."""
    cli_key: SecretStr = SecretStr("")
    """The key of the command line; not given: the console file's, else the shared one."""
    console_file: Path | None = None
    """
    Where the running service writes a key for whoever may read that file, as a netrc: the command line and
    HTTPie on this machine use it. Of the service's user alone; another one at each start.
    """
    loopback_reads: bool = True
    """Whether processes on this machine read without a key; never while ``proxies`` names one."""
    proxies: tuple[Network, ...] = ()
    """Addresses or networks of the reverse proxies in front: what they say of a client is believed."""
    hosts: tuple[Host, ...] = ()
    """Names by which browsers reach us; our own host name, localhost and addresses need not be named."""
    oidc: OidcSettings | None = None
    max_body_mb: int = Field(default=8, ge=1, le=256)
    """The largest body of a request that is read, in MiB."""
    body_timeout_s: Seconds = 30.0
    """How long a body may take to arrive."""
    debug_asks_pacs: bool = True
    """Whether the debug API asks the PACS about what is not known here."""
    show_patient_names: bool = False
    """Show PatientName on the page of a study that the receiving Orthanc still has; each view is logged."""

    @field_validator("api_key")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        if said := weakness(value.get_secret_value()):
            raise ValueError(said)
        return value

    @property
    def reads_from_loopback(self) -> bool:
        """Whether loopback needs no key to read."""
        return self.loopback_reads and not self.proxies

    @property
    def known_hosts(self) -> frozenset[str]:
        """The names that a browser may call us by."""
        here = socket.gethostname().lower()
        named = [name.lower() for name in (*self.hosts, self.host)]
        return frozenset({*named, here, "localhost"})


class PlatformSettings(Section):
    """The regional platform: reports and quality records are sent to it; off when the table is not there."""

    url: Address
    """Before ``/api/v1``."""
    hospital: str = Field(min_length=1, max_length=64)
    """Our code there."""
    key: SecretStr = SecretStr("")
    """Sent as ``Authorization: Bearer``."""
    ca_file: FilePath | None = None
    timeout_s: Seconds = 60.0
    batch: int = Field(default=100, ge=1, le=1000)
    """So many are sent at once."""
    first_pause_s: Seconds = 10.0
    longest_pause_s: Seconds = 900.0
    """Pauses after which one is sent again that was not taken."""
