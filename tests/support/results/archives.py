"""
PACS that results are sent to: Orthanc, dcmqrscp and pynetdicom's storage SCP, each with a relay before it that answers as
badly as it is told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest

from stack.ports import LOOPBACK, free_ports
from stack.run_folder import RunFolder
from tests.support.pacs.real_pacs import start
from tests.support.results.store_relay import StoreRelay
from tests.support.servers.upload_servers import DicomWebServer, Program

KINDS = (
    pytest.param("orthanc", marks=pytest.mark.server("orthanc")),
    pytest.param("dcmqrscp", marks=pytest.mark.server("dcmtk")),
    "pynetdicom",
)
Made = tuple[tuple[str, int, str], Callable[[], dict[str, pydicom.Dataset]], Callable[[], None]]
"""Host, port and AE title; what it has; and its end."""


@dataclass
class Archive:
    """A PACS, the relay before it, and the objects that it has: data sets by SOPInstanceUID."""

    relay: StoreRelay
    objects: Callable[[], dict[str, pydicom.Dataset]]


@contextmanager
def archive_of(kind: str, folder: Path) -> Iterator[Archive]:
    """A running PACS with its relay."""
    (folder / "relay").mkdir()
    with RunFolder(folder / "run") as run:
        address, objects, stop = {"orthanc": _orthanc, "dcmqrscp": _dcmqrscp, "pynetdicom": _pynetdicom}[
            kind
        ](folder, run)
        relay = StoreRelay(address, folder / "relay")
        yield Archive(relay, objects)
        relay.stop()
        stop()


def _orthanc(folder: Path, _: RunFolder) -> Made:
    server = DicomWebServer(folder)

    def objects() -> dict[str, pydicom.Dataset]:
        return {uid: _read(folder / "read.dcm", data) for uid, data in server.images().items()}

    return (LOOPBACK, server.dicom, server.aet), objects, server.stop


def _dcmqrscp(_: Path, run: RunFolder) -> Made:
    pacs = start("dcmqrscp", run, 1)
    store = run.path / "dcmqrscp"
    peer = pacs.peer
    return (peer.host, peer.port, peer.ae_title), lambda: _of_folder(store), lambda: None


def _pynetdicom(folder: Path, _: RunFolder) -> Made:
    (port,) = free_ports(1)
    store = folder / "store"
    store.mkdir()
    command = [sys.executable, "-m", "pynetdicom", "storescp", str(port), "-od", str(store)]
    program = Program(command, port, folder)
    return (LOOPBACK, port, "STORESCP"), lambda: _of_folder(store), program.stop


def _of_folder(store: Path) -> dict[str, pydicom.Dataset]:
    files = [one for one in store.rglob("*") if one.is_file() and one.name != "index.dat"]
    told = [pydicom.dcmread(one) for one in files]
    assert len({one.SOPInstanceUID for one in told}) == len(told)  # once
    return {str(one.SOPInstanceUID): one for one in told}


def _read(file: Path, data: bytes) -> pydicom.Dataset:
    file.write_bytes(data)
    return pydicom.dcmread(file, force=True)
