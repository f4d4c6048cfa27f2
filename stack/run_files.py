"""
What a run leaves in its folder so that another process can end it: the mark and one pid file a server.

Standard library only, see stack.identity. ``RUN_FOLDER/pids/`` holds ``mark`` and ``NAME.pid``.
"""

import os
from pathlib import Path

from stack.identity import Identity

RUN_FILE = "run.json"
"""Addresses and credentials of what runs."""


def pid_folder(folder: Path) -> Path:
    """Where mark and pid files lie."""
    return folder / "pids"


def pid_file(folder: Path, name: str) -> Path:
    """The pid file of one server."""
    return pid_folder(folder) / f"{name}.pid"


def read_mark(folder: Path) -> str:
    """
    The mark that all processes of the run bear, with a separator, so that no mark is the beginning of
    another.
    """
    return (pid_folder(folder) / "mark").read_text(encoding="ascii").strip()


def read_pids(folder: Path) -> dict[str, Identity]:
    """The servers noted in the folder, dead or alive."""
    return {
        file.stem: Identity.from_line(file.read_text(encoding="ascii"))
        for file in sorted(pid_folder(folder).glob("*.pid"))
    }


def forget_run(folder: Path) -> None:
    """Remove pid files and addresses: nothing of the run is left."""
    (folder / RUN_FILE).unlink(missing_ok=True)
    for file in pid_folder(folder).glob("*.pid"):
        file.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, because keys and passwords stand in it."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
