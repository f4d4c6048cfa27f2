"""Which Orthanc is installed: Debian 12 has 1.10.1, Debian 13 has 1.12.7, and some things differ."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache


@cache
def orthanc_version() -> tuple[int, ...]:
    """As it says itself; empty when it is not installed."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        return ()
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Orthanc (\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def newer_orthanc() -> bool:
    """Whether it is Debian 13's, or a later one."""
    return orthanc_version() >= (1, 12)
