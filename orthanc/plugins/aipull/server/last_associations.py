"""
Who was connected last before this process: read from Orthanc's own log, where that is a file.

Orthanc 1.10.1 tells nobody of an association but its log, and that only when the category ``dicom`` is
verbose. It has no way to refuse a sender whose AE title it does not know, so that all that can be done with
the answer is to tell people.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pacs_module.domain.errors import PipelineError

from .orthanc_client import OrthancClient

_STDERR = Path("/proc/self/fd/2")
_STARTED = b"Orthanc has started"
_TAIL = 256 * 1024
_KEPT = 5
_VERBOSE = b"(dicom)"
_LINE = re.compile(rb"Association (Received from|Release with|Aborted with) AET (\S{1,16}) on IP (\S{1,45})")
_RECEIVED = b"Received from"


@dataclass(frozen=True)
class Associations:
    """
    Of the former process, as ``AET@address``.

    Args:
        last: Those that began last, newest last.
        connected: Who was connected at its end; None: its log does not tell.
    """

    last: tuple[str, ...] = ()
    connected: frozenset[str] | None = None


def last_associations(log: Path = _STDERR) -> Associations:
    """
    Read the last associations from the log.

    Args:
        log: Of the former process, to which this one appends.

    Returns:
        Nothing where standard error is no file, as in a container.
    """
    of_former = _of_former(log)
    return _read_lines(of_former) if _VERBOSE in of_former else Associations()


def _read_lines(text: bytes) -> Associations:
    last: list[str] = []
    connected: Counter[str] = Counter()
    for what, aet, address in _LINE.findall(text):
        sender = f"{_text(aet)}@{_text(address)}"
        if what == _RECEIVED:
            last.append(sender)
            connected[sender] += 1
        elif connected[sender] > 0:
            connected[sender] -= 1
    return Associations(tuple(last[-_KEPT:]), frozenset(+connected))


def _of_former(log: Path) -> bytes:
    """The end of what the former process wrote; empty where the log is no file."""
    try:
        with log.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return b""
            file.seek(max(0, status.st_size - _TAIL))
            return file.read().rpartition(_STARTED)[2]
    except OSError:
        return b""


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")


def tell_associations(rest: OrthancClient) -> None:
    """Have Orthanc write one line for each association from now on; where it cannot, nobody will be named."""
    try:
        rest.put_text("/tools/log-level-dicom", "verbose")
    except PipelineError:
        return
