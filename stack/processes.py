"""One supervised server process: started, waited for by condition, stopped, killed, started again."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stack import launcher
from stack.errors import StackError
from stack.identity import MARK, Identity, identity_of, is_alive, kill_bearers, send, wait_until
from stack.run_files import pid_file
from stack.run_folder import SPAWNER, RunFolder

_REPOSITORY = Path(__file__).resolve().parent.parent
_POLL_S = 0.05
_LOG_LINES = 15
_LAUNCH_WITHIN_S = 10.0
_ENDS_WITHIN_S = 30.0
_OF_A_SIGNAL = 128


@dataclass(frozen=True)
class Programme:
    """What to start and how to know that it is ready."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    drop_environment: tuple[str, ...] = ()
    """Beginnings of inherited variables that must not reach it."""
    ready_within_s: float = 180.0
    """
    That it gets there, not how fast: seconds are the rule, but a machine may be busy with ten other things.
    """
    stop_within_s: float = 5.0
    exit_file: Path | None = None
    """
    Where the next one reads how this one ended: exit statuses as a shell has them, one a line, the newest
    last; None: nowhere.
    """


class Process:
    """
    A server in a run folder; the output of all its lives goes to ``logs/NAME.log``.

    Safe to be used from several threads: a chaos run kills while the stack stops.
    """

    def __init__(self, run: RunFolder, programme: Programme) -> None:
        if not run.mark:
            raise ValueError("the run folder is not open")
        self.run = run
        self.programme = programme
        self.log_file = run.logs / f"{programme.name}.log"
        self._mark = f"{run.mark}{programme.name}."
        self._pid_file = pid_file(run.path, programme.name)
        self._popen: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._lock = threading.RLock()
        self._cancelled = threading.Event()

    @property
    def pid(self) -> int | None:
        """Of the living process, else None."""
        identity = self._identity
        return identity.pid if identity and is_alive(identity) else None

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.pid is not None

    @property
    def killed_by(self) -> int | None:
        """
        The signal that ended it; None while it runs, when it has ended in any other way, or after ``kill``
        and ``stop``.
        """
        with self._lock:
            if self._popen is None or self.is_alive():
                return None
            # Its first thread is gone; the kernel tells its end when the last one is.
            status = self._popen.wait(_ENDS_WITHIN_S)
        return -status if status < 0 else None

    def start(self) -> None:
        """
        Start it and wait until it is ready; StackError with the end of its log when it does not get there.
        """
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start it without waiting."""
        with self._lock:
            if self.is_alive():
                raise StackError(f"{self.programme.name} runs already")
            self._clear_up()
            command = [find_program(self.programme.command[0]), *self.programme.command[1:]]
            self._popen = SPAWNER.submit(self._popen_now, command).result()
            self._identity = identity_of(self._popen.pid)
            self.run.adopt(self._popen)
            wait_until(lambda: self._pid_file.exists() or not self.is_alive(), _LAUNCH_WITHIN_S)

    def wait_ready(self) -> None:
        """Wait until the ready condition holds."""
        programme = self.programme
        ready = wait_until(lambda: self._over() or programme.ready(), programme.ready_within_s, _POLL_S)
        if self._cancelled.is_set():
            raise StackError(f"{programme.name}: the start was broken off")
        if not self.is_alive():
            raise StackError(f"{programme.name} ended while starting; its last lines:\n{self.log_tail()}")
        if not ready:
            raise StackError(
                f"{programme.name} was not ready within {programme.ready_within_s:g} s; its last "
                f"lines:\n{self.log_tail()}"
            )

    def cancel(self) -> None:
        """Break off a wait for readiness in another thread; it will not be started again."""
        self._cancelled.set()

    def stop(self) -> None:
        """
        SIGTERM, SIGKILL after a bound, and nothing that it had started is left. Harmless when it does not
        run.
        """
        with self._lock:
            if self._identity is not None:
                send(self._identity, signal.SIGTERM)
                self._wait_end(self.programme.stop_within_s)
            self._clear_up()

    def kill(self) -> None:
        """SIGKILL at once, as a crash or the kernel's memory killer would."""
        with self._lock:
            if self._identity is not None:
                send(self._identity, signal.SIGKILL)
            self._clear_up()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def log_tail(self, lines: int = _LOG_LINES) -> str:
        """The last lines of its log."""
        if not self.log_file.exists():
            return "(no log)"
        return "\n".join(self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _over(self) -> bool:
        return self._cancelled.is_set() or not self.is_alive()

    def _wait_end(self, within_s: float) -> None:
        identity = self._identity
        wait_until(lambda: identity is None or not is_alive(identity), within_s)

    def _tell_next(self, returned: int) -> None:
        if self.programme.exit_file is not None and self.programme.exit_file.parent.is_dir():
            status = returned if returned >= 0 else _OF_A_SIGNAL - returned
            # Appended, as docker/orthanc/start.sh does: the file's block stays on a disk that is full by then.
            with suppress(OSError), self.programme.exit_file.open("a", encoding="ascii") as file:
                file.write(f"{status}\n")

    def _clear_up(self) -> None:
        if self._popen is None:
            return
        if not kill_bearers(self._mark):
            raise StackError(
                f"{self.programme.name} (pid {self._popen.pid}) does not end, not even by SIGKILL"
            )
        self._tell_next(self._popen.wait())
        self._popen = None
        self._identity = None
        self._pid_file.unlink(missing_ok=True)

    def _popen_now(self, command: list[str]) -> "subprocess.Popen[bytes]":
        if self._cancelled.is_set():
            raise StackError(f"{self.programme.name}: the start was broken off")
        parent = 0 if self.run.survive else os.getpid()
        start = [sys.executable, "-I", "-S", launcher.__file__, str(self._pid_file), str(parent), *command]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                start,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=_REPOSITORY,
                env=self._environment(),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        dropped = self.programme.drop_environment
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        loopback_only = {
            "no_proxy": "127.0.0.1,localhost",
            "NO_PROXY": "127.0.0.1,localhost",
            "LANG": "C.UTF-8",
        }
        return {**inherited, **loopback_only, **self.programme.environment, MARK: self._mark}


def find_program(name: str) -> str:
    """The full path of a program, also from the administrators' folders that a plain user's PATH lacks."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise StackError(f"{name} is not installed; `make setup` installs it")
    return path
