"""
The folder of one run: who lives in it, their logs and pid files, and the guard that clears up after a crash.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from stack import guard as guard_module
from stack.errors import StackError
from stack.identity import bearers, is_alive, kill_bearers, send, wait_until
from stack.ram_disk import remove_noted
from stack.run_files import forget_run, pid_folder, read_mark, read_pids, write_private

# PR_SET_PDEATHSIG means the parent *thread* (prctl(2)): every child is started by this one, which lives until
# the end.
SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class RunFolder:
    """
    Opened by the programme that starts servers; a context manager.

    Args:
        path: Made when missing, for the owner's eyes only.
        survive: The servers may outlive this programme if it says ``leave_running`` before it ends (KEEP=1).
            When it dies without having said so, the guard ends them all the same.
    """

    def __init__(self, path: Path, *, survive: bool = False) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.survive = survive
        self.mark = ""
        self._guard: subprocess.Popen[bytes] | None = None
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Make the folder and set the guard; StackError when another run lives in it."""
        self.refuse_a_living_run()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, pid_folder(self.path)):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StackError(f"the run folder {self.path} cannot be made: {error.strerror}") from error
        self.mark = f"{secrets.token_hex(16)}."
        write_private(pid_folder(self.path) / "mark", self.mark)
        command = [sys.executable, "-I", "-S", guard_module.__file__, str(self.path), str(os.getpid())]
        self._guard = SPAWNER.submit(_spawn_guard, command).result()

    def close(self) -> None:
        """
        End whatever still bears the mark, give the RAM disk back, dismiss the guard. Harmless when done
        twice.
        """
        if self._guard is None:
            return
        SPAWNER.submit(lambda: None).result()  # a child between fork and exec bears no mark yet
        if not kill_bearers(self.mark):
            left = ", ".join(str(identity.pid) for identity in bearers(self.mark))
            raise StackError(f"not even SIGKILL ends these processes of {self.path}: {left}")
        for child in self._children:
            child.wait()
        forget_run(self.path)
        remove_noted(self.path)
        self._dismiss_guard()

    def adopt(self, child: "subprocess.Popen[bytes]") -> None:
        """Wait for this one too when closing, or it stays a zombie."""
        self._children.append(child)

    def leave_running(self) -> None:
        """Dismiss the guard and end nothing; ``stop_run`` ends it later."""
        if not self.survive:
            raise ValueError("only a run opened with survive=True can be left running")
        self._dismiss_guard()

    def _dismiss_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.communicate(b"x")

    def refuse_a_living_run(self) -> None:
        """Raise StackError when servers of another run live in the folder."""
        living = living_servers(self.path)
        if living:
            names = ", ".join(living)
            raise StackError(f"a run is alive in {self.path} ({names}); `make stop` ends it")


def living_servers(folder: Path) -> list[str]:
    """Names of the servers in a run folder that still run."""
    return [name for name, identity in read_pids(folder).items() if is_alive(identity)]


def stop_run(folder: Path, say: Callable[[str], None] = lambda text: None, within_s: float = 10.0) -> bool:
    """
    End what another process left running in a folder (``make stop``).

    Returns:
        Whether there was anything to end.
    """
    servers = {name: identity for name, identity in read_pids(folder).items() if is_alive(identity)}
    if not (pid_folder(folder) / "mark").exists():
        return False
    for name, identity in servers.items():
        say(f"stopping {name} (pid {identity.pid})")
        send(identity, signal.SIGTERM)
    wait_until(lambda: not any(is_alive(identity) for identity in servers.values()), within_s)
    mark = read_mark(folder)
    left = bearers(mark)
    if not kill_bearers(mark):
        raise StackError(f"processes of {folder} do not end: {', '.join(str(i.pid) for i in bearers(mark))}")
    forget_run(folder)
    remove_noted(folder)
    return bool(servers or left)


def _spawn_guard(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
