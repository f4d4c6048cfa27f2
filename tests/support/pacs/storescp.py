"""dcmtk's storescp, a PACS that shares no line with ours and keeps what it gets as files."""

import os
import socket
import subprocess
from collections import Counter
from pathlib import Path

from pydicom import dcmread

from hospital_sim.sending.scu import Pacs
from stack.ports import free_ports
from tests.support.waiting import wait_for


class Scp:
    """A storescp with a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        folder.mkdir()
        (port,) = free_ports(1)
        self.pacs = Pacs("127.0.0.1", port, "PACS")
        # +B writes what came on the wire, byte for byte; each file has the SOP Instance UID in its name.
        self._process = subprocess.Popen(
            ["/usr/bin/storescp", "-aet", "PACS", "-od", str(folder), *options, str(port)],
            env={**os.environ, "TCP_NODELAY": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: listens(port) or self._process.poll() is not None, what="storescp to listen")
        assert self._process.poll() is None

    def files(self) -> list[Path]:
        return sorted(one for one in self.folder.iterdir() if one.is_file())

    def per_series(self) -> Counter[str]:
        return Counter(str(dcmread(one, stop_before_pixels=True).SeriesInstanceUID) for one in self.files())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def after_meta(path: Path) -> bytes:
    """The data set as it stands in the file, without preamble and file meta information."""
    raw = path.read_bytes()
    return raw[144 + int.from_bytes(raw[140:144], "little") :]
