"""
The regional platform as one more process of the stack, and what the auditor finds there.

Run as a script it serves a folder: ``python -m tests.chaos.audit.region FOLDER PORT FILE``; names that it was seen to show half
are appended to FILE at once, so that they outlive a kill. Imports nothing of the pipeline.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from pydicom import dcmread

from hospital_sim.platform.store import PlatformStore, serve
from stack.ports import LOOPBACK
from stack.probing import accepts_tcp
from stack.processes import Programme
from stack.run_folder import RunFolder
from stack.servers.one_process import OneProcess
from tests.chaos.audit.identity import AtPlatform, pixels_of

NAME = "region"
ROOT = Path(__file__).resolve().parents[3]


class _Written(list[str]):
    """A list whose entries are in a file before anybody can kill the process."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def append(self, name: str) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        super().append(name)


class Platform(OneProcess):
    """
    Keeps images as files, by HTTP.

    Args:
        run: Its process's.
        port: Of its own.
        folder: For its files.
    """

    def __init__(self, run: RunFolder, port: int, folder: Path) -> None:
        super().__init__(run)
        self.port = port
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.half_seen = folder.with_name(f"{folder.name}-half-seen.txt")

    def shows(self) -> AtPlatform:
        """Everything, from its files."""
        return look(self.folder, self.half_seen)

    def programme(self) -> Programme:
        """This file."""
        words = [str(self.folder), str(self.port), str(self.half_seen)]
        command = [sys.executable, "-m", "tests.chaos.audit.region", *words]
        environment = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
        return Programme("platform", command, lambda: accepts_tcp(self.port), environment)

    def listens_at(self) -> dict[str, int]:
        """HTTP."""
        return {"platform": self.port}


def settings(port: int, cache: Path) -> dict[str, Any]:
    """Of a pacs_module that sends to a platform at this port, with pauses of seconds."""
    destination = {
        "name": NAME, "kind": "http", "hospital": "H001", "url": f"http://{LOOPBACK}:{port}", "batch": 4,
        "first_pause_s": 1.0, "longest_pause_s": 5.0, "circuit_pause_s": 1.0, "circuit_longest_pause_s": 3.0,
    }  # fmt: skip
    return {"destination": [destination], "upload_cache": {"folder": str(cache)}}


def look(folder: Path, half_seen: Path) -> AtPlatform:
    """Read the platform's files; those that are not shown yet are none."""
    images: dict[str, dict[str, tuple[str, str]]] = {}
    for file in folder.rglob("*.dcm"):
        image = dcmread(file)
        found = images.setdefault(str(image.StudyInstanceUID), {})
        found[str(image.SOPInstanceUID)] = (str(image.PatientID).strip(), pixels_of(image))
    names = half_seen.read_text(encoding="utf-8").split("\n") if half_seen.exists() else []
    return AtPlatform(images, tuple(name for name in names if name))


def main(folder: Path, port: int, half_seen: Path) -> None:
    """Serve until killed."""
    with serve(PlatformStore(folder, half_seen=_Written(half_seen)), port):
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
