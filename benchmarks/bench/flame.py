"""
Where the time of a process goes, as a flame graph: by py-spy, where it is on the PATH (`pip install py-spy`).
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs"
_PATHS = re.compile(rf"{re.escape(str(FOLDER.parent))}/|/[^ <]*/lib/python3[.]\d+/")
"""Where the repository and Python's libraries lie on this machine."""
RATE = 50
"""Looks a second: each costs the process nothing, as it is not stopped."""


@contextmanager
def flame(pid: int, name: str, folder: Path = FOLDER) -> Iterator[None]:
    """Draw what a process does inside as ``flame-NAME.svg``; nothing where py-spy is not at hand."""
    if shutil.which("py-spy") is None:
        yield
        return
    file = folder / f"flame-{name}.svg"
    command = [
        "py-spy",
        "record",
        "--nonblocking",
        "--pid",
        str(pid),
        "--rate",
        str(RATE),
        "--output",
        str(file),
    ]
    spy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)  # it writes what it has
        try:
            spy.wait(30)
        except subprocess.TimeoutExpired:
            spy.kill()
        if file.exists():
            file.write_text(_PATHS.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
