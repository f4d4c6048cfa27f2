"""
Outlives the programme that uses a run folder and clears up if that one dies: ``guard.py RUN_FOLDER
PARENT_PID``.

PR_SET_PDEATHSIG ends the servers themselves but not what they had started, and nobody would give the RAM disk
back. So the guard waits for the end of the parent (pidfd_open(2)), kills all that bears the run's mark and
removes the RAM disk. One byte on its standard input dismisses it: the parent has cleared up itself, or leaves
everything running on purpose.
"""

import os
import select
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stack.identity import kill_bearers
from stack.ram_disk import remove_noted
from stack.run_files import forget_run, read_mark


def main(folder: Path, parent: int) -> None:
    """Wait for the parent's end or for the dismissal."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if _dismissed(parent):
        return
    kill_bearers(read_mark(folder))
    forget_run(folder)
    remove_noted(folder)


def _dismissed(parent: int) -> bool:
    try:
        parent_fd = os.pidfd_open(parent)
    except ProcessLookupError:
        return False
    if os.getppid() != parent:
        return False
    while True:
        readable, _, _ = select.select([parent_fd, sys.stdin.fileno()], [], [])
        if sys.stdin.fileno() in readable and os.read(sys.stdin.fileno(), 1):
            return True
        if parent_fd in readable:
            return False
        # Standard input was closed without a byte: only the parent's end counts now.
        select.select([parent_fd], [], [])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
