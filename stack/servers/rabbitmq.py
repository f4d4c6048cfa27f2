"""
A private RabbitMQ node beside anything else on the machine.

Of its own: node name, ports, data folder, Erlang cookie, user, and epmd (Erlang's port mapper), which would
otherwise turn itself into a daemon on the machine's well-known port and outlive everything. The server script
is started directly, without Debian's wrapper in /usr/sbin, which changes the user and the folder; so it runs
as whoever runs this, root included.
"""

import secrets
import shutil
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pika
import pika.exceptions

from stack.errors import StackError
from stack.ports import LOOPBACK, check_free
from stack.probing import accepts_tcp
from stack.processes import Process, Programme
from stack.run_files import write_private
from stack.run_folder import RunFolder

USER = "aipull"
_SERVER_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_READY_WITHIN_S = 240.0  # 4-5 s on two idle cores
_CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
default_user = {user}
default_pass = {password}
default_user_tags.administrator = true
log.file = false
log.console = true
log.console.level = info
log.console.formatter = plaintext
# A full disk under the demo's folder blocks publishers; 50 MB is RabbitMQ's own default.
disk_free_limit.absolute = 50MB
"""


@dataclass(frozen=True)
class RabbitmqPorts:
    """The three ports of a node."""

    amqp: int
    distribution: int
    epmd: int


class RabbitmqNode:
    """
    A node that keeps its data over stop, kill and restart, as long as the run folder is there.

    ``guest`` does not exist: the only user is ``aipull`` with a random password, both in ``url``.
    """

    def __init__(self, run: RunFolder, ports: RabbitmqPorts, host: str = LOOPBACK) -> None:
        self.ports = ports
        self.folder = run.path / "rabbitmq"
        self.user = USER
        self.password = secrets.token_urlsafe(24)
        self.environment: Mapping[str, str] = {}
        """Over the usual one."""
        self.more_configuration = ""
        """Lines behind the usual ones, as of TLS."""
        self.host = host
        self.within: tuple[str, ...] = ()
        """Words before its commands, as in OneProcess."""
        self.erlang_arguments: tuple[str, ...] = ()
        """Over the usual ones."""
        at = "localhost" if host == LOOPBACK else host
        self._node_name = f"aipull-{secrets.token_hex(4)}@{at}"
        self._run = run

    @property
    def url(self) -> str:
        """AMQP URL with user and password, for the default virtual host."""
        return self.url_at(self.ports.amqp)

    def url_at(self, port: int) -> str:
        """The same at another port, where a proxy stands in between."""
        return f"amqp://{self.user}:{self.password}@{self.host}:{port}/%2F"

    @cached_property
    def epmd(self) -> Process:
        """Erlang's port mapper, in the foreground."""
        command = [*self.within, "epmd", "-port", str(self.ports.epmd), "-address", self.host]
        ready = Programme("epmd", command, self._maps_ports, drop_environment=("ERL_", "EPMD_"))
        return Process(self._run, ready)

    @cached_property
    def server(self) -> Process:
        """The node itself."""
        return Process(
            self._run,
            Programme(
                "rabbitmq",
                [*self.within, str(_SERVER_SCRIPT)],
                self.accepts_connections,
                self._environment(),
                drop_environment=("RABBITMQ_", "ERL_", "EPMD_", "NOTIFY_SOCKET", "XDG_"),
                ready_within_s=_READY_WITHIN_S,
                stop_within_s=10.0,
            ),
        )

    def join(self, first: "RabbitmqNode") -> None:
        """
        Become, at the first start, a node of the cluster of one that runs: its cookie, its users; its port
        mapper where both are on one host.
        """
        home = self.folder / "home"
        home.mkdir(parents=True, mode=0o700)
        shutil.copy2(first.folder / "home" / ".erlang.cookie", home / ".erlang.cookie")
        if self.host == first.host:
            self.__dict__["epmd"] = first.epmd
        self.user, self.password = first.user, first.password
        self.more_configuration += (
            "cluster_formation.peer_discovery_backend = classic_config\n"
            f"cluster_formation.classic_config.nodes.1 = {first._node_name}\n"
            f"cluster_formation.classic_config.nodes.2 = {self._node_name}\n"
        )

    def start(self) -> None:
        """Start epmd and node; ready when a connection with user and password works."""
        if not _SERVER_SCRIPT.exists():
            raise StackError("rabbitmq-server is not installed; `make setup` installs it")
        self._write_files()
        if not self.epmd.is_alive():
            check_free({"RabbitMQ's epmd": self.ports.epmd})
            self.epmd.start()
        if not self.server.is_alive():
            check_free({"RabbitMQ": self.ports.amqp, "RabbitMQ's distribution": self.ports.distribution})
        self.server.start()

    def stop(self) -> None:
        """Stop node and epmd; the data stays."""
        self.server.stop()
        self.epmd.stop()

    def kill(self) -> None:
        """Kill -9 the node; epmd and the data stay."""
        self.server.kill()

    def restart(self) -> None:
        """Stop and start on the same data."""
        self.stop()
        self.start()

    def cancel(self) -> None:
        """Break off a start in another thread."""
        self.epmd.cancel()
        self.server.cancel()

    def accepts_connections(self) -> bool:
        """Whether an AMQP connection with user and password works."""
        if not accepts_tcp(self.ports.amqp, self.host):  # pika complains in the log of every refused attempt
            return False
        try:
            pika.BlockingConnection(
                pika.URLParameters(f"{self.url}?socket_timeout=2&stack_timeout=5")
            ).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True

    def _maps_ports(self) -> bool:
        return accepts_tcp(self.ports.epmd, self.host)

    def _write_files(self) -> None:
        home = self.folder / "home"
        for folder in (self.folder, home, self.folder / "data"):
            folder.mkdir(mode=0o700, exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, "".join(secrets.choice(string.ascii_uppercase) for _ in range(32)))
        values = {"host": self.host, "port": self.ports.amqp, "user": self.user, "password": self.password}
        write_private(
            self.folder / "rabbitmq.conf", _CONFIGURATION.format(**values) + self.more_configuration
        )
        (self.folder / "rabbitmq-env.conf").touch()
        (self.folder / "enabled_plugins").write_text("[].\n", encoding="ascii")

    def _environment(self) -> dict[str, str]:
        erlang = [
            *("+S", "2:2"),
            *("-start_epmd", "false"),
            *("-kernel", "inet_dist_use_interface", "{" + self.host.replace(".", ",") + "}"),
            *self.erlang_arguments,
        ]
        return {
            "HOME": str(self.folder / "home"),
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": self._node_name,
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_NODE_IP_ADDRESS": self.host,
            "RABBITMQ_USE_LONGNAME": "true" if self.host != LOOPBACK else "false",
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": " ".join(erlang),
            # The script then becomes the Erlang machine instead of waiting for it as a child, so that the pid
            # is the node's and the node itself is bound to its parent (the script calls this "detached";
            # nothing is detached by it).
            "detached": "true",
            **self.environment,
        }
