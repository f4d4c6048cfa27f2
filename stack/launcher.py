"""
Becomes the program that it is told to start: ``launcher.py PID_FILE PARENT_PID PROGRAM ARGUMENT...``.

Before that it notes itself in the pid file, so that no moment exists in which a server runs and nobody could
find it again, and asks the kernel to be killed together with its parent (prctl(2), PR_SET_PDEATHSIG; kept
across execve). PARENT_PID 0: it may outlive its parent.

Run with ``python -I -S`` to cost little; a preexec_fn would run Python between fork and exec of a threaded
process.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stack.identity import identity_of

PR_SET_PDEATHSIG = 1


def main(pid_file: str, parent: int, command: list[str]) -> None:
    """Note, bind to the parent, become the program."""
    if parent:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel knew
            sys.exit(1)
    identity = identity_of(os.getpid())
    if identity is None:
        sys.exit("/proc does not show this process")
    partial = Path(f"{pid_file}.partial")
    partial.write_text(identity.as_line(), encoding="ascii")
    partial.rename(pid_file)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
