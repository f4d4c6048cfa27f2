"""
One hand-over folder, one Orthanc (K14).

At its start an Orthanc removes what it finds in its folder and does not know. With a folder that another one
uses it would remove that one's hand-overs. The lock is the kernel's: it ends with the process, however that
ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

from pacs_module.domain.errors import ConfigurationError

_WAIT_S = 30.0
"""A former process may just be ending."""
_LOOK_S = 0.2
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
"""Of a file system without locks on folders, as some of the network are: two may share a folder there."""


class FolderLock:
    """
    Held from now on.

    Args:
        folder: One that is not there is nobody's yet.
        setting: That names it, for the error.
        wait_s: How long a lock of another process is waited for, in seconds.

    Raises:
        ConfigurationError: Another process uses the folder.
    """

    def __init__(self, folder: Path, setting: str, wait_s: float = _WAIT_S) -> None:
        self._handle: int | None = None
        if not folder.is_dir():
            return
        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        until = time.monotonic() + wait_s
        while not self._is_ours():
            if time.monotonic() >= until:
                self.release()
                raise ConfigurationError(setting, str(folder), "a folder that no other Orthanc uses")
            time.sleep(_LOOK_S)

    def _is_ours(self) -> bool:
        assert self._handle is not None, "opened before"  # noqa: S101
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return True

    def release(self) -> None:
        """Let go of it; the process may begin anew without an end."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
