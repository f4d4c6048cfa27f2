"""
Real PACS implementations for tests: Debian's Orthanc, dcmtk's dcmqrscp and pynetdicom's qrscp.

All of them know the move destination AIPULL at the port that they are given.
"""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hospital_sim.sending.scu import Pacs
from pacs_module.adapters.dicom.find_scu import Peer
from stack.ports import LOOPBACK, free_ports
from stack.probing import accepts_tcp
from stack.processes import Process, Programme
from stack.run_folder import RunFolder
from stack.servers.orthanc import HospitalPacs, OrthancPorts

AIPULL = "AIPULL"
KINDS = ("orthanc", "dcmqrscp", "qrscp")
QRSCP_AET, DCMQRSCP_AET = "QRSCP", "DCMQRSCP"


@dataclass
class RealPacs:
    """A running PACS and how to reach it."""

    kind: str
    peer: Peer

    @property
    def address(self) -> Pacs:
        """For C-STORE."""
        return Pacs(self.peer.host, self.peer.port, self.peer.ae_title)


def start(kind: str, run: RunFolder, receiver_port: int) -> RealPacs:
    """Start one in the run folder; it ends with it."""
    return {"orthanc": _orthanc, "dcmqrscp": _dcmqrscp, "qrscp": _qrscp}[kind](run, receiver_port)


def _orthanc(run: RunFolder, receiver_port: int) -> RealPacs:
    pacs = HospitalPacs(run, OrthancPorts(*free_ports(2)), receiver_port)
    pacs.start()
    return RealPacs("orthanc", Peer(LOOPBACK, pacs.ports.dicom, pacs.aet, AIPULL))


def _dcmqrscp(run: RunFolder, receiver_port: int) -> RealPacs:
    (port,) = free_ports(1)
    store = run.path / "dcmqrscp"
    store.mkdir()
    configuration = run.path / "dcmqrscp.cfg"
    configuration.write_text(
        "\n".join(
            [
                f"NetworkTCPPort = {port}",
                "MaxPDUSize = 131072",
                "MaxAssociations = 16",
                "HostTable BEGIN",
                f"aipull = ({AIPULL}, {LOOPBACK}, {receiver_port})",
                "HostTable END",
                "VendorTable BEGIN",
                "VendorTable END",
                "AETable BEGIN",
                f"{DCMQRSCP_AET} {store} RW (2000, 4096mb) ANY",
                "AETable END",
                "",
            ]
        )
    )
    _process(run, "dcmqrscp", ["dcmqrscp", "-c", str(configuration)], port, {"TCP_NODELAY": "1"})
    return RealPacs("dcmqrscp", Peer(LOOPBACK, port, DCMQRSCP_AET, AIPULL))


def _qrscp(run: RunFolder, receiver_port: int) -> RealPacs:
    (port,) = free_ports(1)
    configuration = run.path / "qrscp.ini"
    configuration.write_text(
        "\n".join(
            [
                "[DEFAULT]",
                f"ae_title: {QRSCP_AET}",
                f"port: {port}",
                "max_pdu: 131072",
                "acse_timeout: 30",
                "dimse_timeout: 30",
                "network_timeout: 30",
                f"bind_address: {LOOPBACK}",
                f"instance_location: {run.path / 'qrscp'}",
                f"database_location: {run.path / 'qrscp.sqlite'}",
                "log_identifier: False",
                f"[{AIPULL}]",
                f"address: {LOOPBACK}",
                f"port: {receiver_port}",
                "",
            ]
        )
    )
    _process(run, "qrscp", [sys.executable, "-m", "pynetdicom", "qrscp", "-c", str(configuration)], port, {})
    return RealPacs("qrscp", Peer(LOOPBACK, port, QRSCP_AET, AIPULL))


def _process(
    run: RunFolder, name: str, command: list[str], port: int, environment: Mapping[str, str]
) -> None:
    Process(run, Programme(name, command, lambda: accepts_tcp(port), environment)).start()


class AskingOrthanc(HospitalPacs):
    """An Orthanc that asks others: what the receiving one is for OrthancFinder, without plugins."""

    aet = AIPULL

    def __init__(
        self, run: RunFolder, peers: Mapping[str, Peer], timeout: int = 10, encoding: str = "Latin1"
    ) -> None:
        super().__init__(run, OrthancPorts(*free_ports(2)), receiver_port=1, encoding=encoding)
        self.name = f"asking-{secrets.token_hex(4)}"
        self.folder: Path = run.path / self.name
        self._peers = peers
        self._timeout = timeout

    def _settings(self) -> dict[str, object]:
        modalities = {
            name: {"AET": peer.ae_title, "Host": peer.host, "Port": peer.port, "Timeout": self._timeout}
            for name, peer in self._peers.items()
        }
        return {**super()._settings(), "DicomModalities": modalities}
