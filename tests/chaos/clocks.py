"""The wall clock of one process, moved while it runs: libfaketime, told by a file. The monotonic clock goes on as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
"""Of Debian's package libfaketime; without it the storm has no clock jumps and says so."""


@dataclass(frozen=True)
class Clocks:
    """One file for each process."""

    folder: Path
    names: tuple[str, ...]

    def environment(self, name: str) -> Mapping[str, str]:
        """For the process; it reads its file at every question for the time."""
        self.jump(name, 0)
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(name)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def jump(self, name: str, seconds: int) -> None:
        """So many seconds ahead of the machine's clock, or behind it; 0: right."""
        written = self._file(name).with_suffix(".new")
        written.write_text(f"{seconds:+}\n", encoding="ascii")
        written.rename(self._file(name))

    def _file(self, name: str) -> Path:
        return self.folder / f"clock-of-{name}"


def have_faketime() -> bool:
    """Whether the library is installed."""
    return LIBRARY.exists()
