"""
Who was refused at the DICOM port, read from Orthanc's own log, where that is a file.

Orthanc tells nobody else. In a container its log is the container's: `docker-compose logs orthanc`.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Any

from pacs_module.shared.logs import ContractLog

from ..runtime.worker import Worker

_STDERR = Path("/proc/self/fd/2")
_AT_ONCE = 256 * 1024
_MAX_TOLD = 500
"""Kinds of refusals that one process tells of: after that whoever knocks is not worth a line."""
_MAX_SHOWN = 50
_SENDER = re.compile(r"DICOM authorization rejected\s+for AET (.{1,16}) on IP (\S{1,45}): (.{1,200})")
_TLS = re.compile(r"Receiving Association failed: (TLS error: .{1,200})")
_CALLED = re.compile(r"Rejected association, because of a bad called AET in the request \((.{0,16})\)")


class RefusedSenders(Worker):
    """Looks at what Orthanc has written since, and tells each refused sender once with what to set."""

    def __init__(self, log: ContractLog, file: Path = _STDERR) -> None:
        super().__init__("refused senders", log)
        self._file = file
        # What a former process wrote is told by it; from here on, before the DICOM port is open, it is ours.
        self._place = self._size()
        self._rest = b""
        self._told: set[tuple[str, str]] = set()
        self._process = secrets.token_hex(8)
        self._last: tuple[dict[str, Any], ...] = ()  # replaced, not changed: other threads show it

    def shown(self) -> dict[str, Any]:
        """
        For pacs_module's audit trail: a word for this process, and the last ``senders``, numbered from 1, as
        they were told.
        """
        return {"process": self._process, "senders": list(self._last)}

    def step(self) -> float:
        """Read what Orthanc has written since."""
        size = self._size()
        if size is None or self._place is None:
            return 3600.0
        if size < self._place:  # cut or begun anew
            self._place, self._rest = 0, b""
        if size == self._place:
            return self.IDLE_S
        for line in self._lines_from(self._place):
            self._look(line)
        return 0.0 if self._place < size else self.IDLE_S

    def _lines_from(self, place: int) -> list[str]:
        """The next whole lines; the beginning of one that is still being written is kept."""
        with self._file.open("rb") as file:
            file.seek(place)
            text = self._rest + file.read(_AT_ONCE)
            self._place = file.tell()
        whole, _, rest = text.rpartition(b"\n")
        self._rest = rest[-_AT_ONCE:]
        return whole.decode("utf-8", "replace").splitlines()

    def _look(self, line: str) -> None:
        if sender := _SENDER.search(line):
            aet, address, why = sender[1].strip(), sender[2], sender[3]
            self._tell(
                (aet, address),
                "a sender was refused; it may store once it is named",
                aeTitle=aet, address=address, why=why, setting=f"AIPULL_SENDERS={aet}@{address}",
            )  # fmt: skip
        elif handshake := _TLS.search(line):
            self._tell(
                ("TLS", handshake[1]),
                "somebody without a certificate that we trust, or without TLS, was refused; Orthanc does not say who",
                why=handshake[1].strip(), setting="ORTHANC_DICOM_TLS_TRUSTED",
            )  # fmt: skip
        elif called := _CALLED.search(line):
            self._tell(
                ("called", called[1]),
                "somebody called us by another AE title and was refused",
                called=called[1].strip(), setting="ORTHANC_AET, or ORTHANC_CHECK_CALLED_AET=false",
            )  # fmt: skip

    def _tell(self, key: tuple[str, str], words: str, **values: str) -> None:
        if key in self._told or len(self._told) >= _MAX_TOLD:
            return
        self._told.add(key)
        self._last = (*self._last, {"number": len(self._told), **values})[-_MAX_SHOWN:]
        self._log.event("sender_refused", words, "WARNING", **values)

    def _size(self) -> int | None:
        """None where standard error is no file."""
        try:
            status = os.stat(self._file)
        except OSError:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None
