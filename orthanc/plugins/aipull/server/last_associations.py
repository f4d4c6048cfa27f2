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
from pathlib import Path

from pacs_module.domain.errors import PipelineError

from .orthanc_client import OrthancClient

_STDERR = Path("/proc/self/fd/2")
_STARTED = b"Orthanc has started"
_TAIL = 256 * 1024
_KEPT = 5
_LINE = re.compile(rb"Association Received from AET (\S{1,16}) on IP (\S{1,45})")


def last_associations(log: Path = _STDERR) -> list[str]:
    """
    The last associations in the log as ``AET@address``, newest last.

    Args:
        log: Of the former process, to which this one appends.

    Returns:
        Nothing where standard error is no file, as in a container.
    """
    try:
        with log.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return []
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            of_former = file.read().rpartition(_STARTED)[2]
    except OSError:
        return []
    found = _LINE.findall(of_former)
    return [
        f"{aet.decode('ascii', 'replace')}@{address.decode('ascii', 'replace')}"
        for aet, address in found[-_KEPT:]
    ]


def tell_associations(rest: OrthancClient) -> None:
    """Have Orthanc write one line for each association from now on; where it cannot, nobody will be named."""
    try:
        rest.put_text("/tools/log-level-dicom", "verbose")
    except PipelineError:
        return
