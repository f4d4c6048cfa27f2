"""Clock and folders of this machine."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..domain.messages import SeriesFolder


class SystemClock:
    """The machine's clock, with the hospital's idea of today."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def today(self) -> date:
        """The date in the hospital's time zone."""
        return self.local().date()

    def local(self) -> datetime:
        """Date and time in the hospital's time zone, without saying so: StudyDate and StudyTime do not either."""
        return datetime.now(self._zone).replace(tzinfo=None)


def this_process() -> str:
    """The owner of claims and leases: host and process id. Replicas need host names of their own, as Docker gives them."""
    return f"{socket.gethostname()}:{os.getpid()}"


def process_is_gone(owner: str) -> bool:
    """Whether an owner was a process of this host that lives no more; of another host's nothing can be told."""
    host, _, pid = owner.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class LocalFolders:
    """Hand-over folders as this machine sees them."""

    def count_files(self, folders: Sequence[SeriesFolder], filepath: str) -> int:
        """Files in the folder and below; 0 when any of the folders is gone."""
        if any(not os.path.isdir(folder.filepath) for folder in folders):
            return 0
        return sum(len(files) for _, _, files in os.walk(filepath))
