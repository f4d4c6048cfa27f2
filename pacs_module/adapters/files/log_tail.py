"""The ends of the JSON logs of both processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FILES = ("dcm_end", "orthanc-python")
TAIL_BYTES = 2**20


class LogTails:
    """Reads no more than the last mebibyte of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tail(self) -> Mapping[str, list[str]]:
        """The last lines of each file that is there, oldest first, by the file's name."""
        found = {name: _tail(self._folder / f"{name}.jsonl") for name in FILES}
        return {name: lines for name, lines in found.items() if lines is not None}


def _tail(path: Path) -> list[str] | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            raw = file.read(TAIL_BYTES)
    except OSError:
        return None
    lines = raw.decode("utf-8", "replace").split("\n")
    return lines[1:] if size > TAIL_BYTES else lines  # the first one is cut
