"""A server that is one process: what all of these have in common."""

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property

from stack.ports import LOOPBACK, check_free
from stack.processes import Process, Programme
from stack.run_folder import RunFolder


class OneProcess(ABC):
    """
    Starts, stops and kills its process; what it has stored stays, whichever way it ends.

    Args:
        run: The folder that it lives in.
    """

    host = LOOPBACK
    """Where it listens and is asked whether it is ready."""
    within: tuple[str, ...] = ()
    """Words before its command: a place of its own that it runs in, as ``ip netns exec NAME``."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    @abstractmethod
    def programme(self) -> Programme:
        """What is started; StackError when it cannot be put together."""

    @abstractmethod
    def listens_at(self) -> dict[str, int]:
        """Its ports by purpose: they must be free before it starts."""

    @cached_property
    def process(self) -> Process:
        """The process, running or not."""
        programme = self.programme()
        return Process(self._run, replace(programme, command=[*self.within, *programme.command]))

    def start(self) -> None:
        """Start and wait until it is ready; ports in use are told before."""
        if not self.process.is_alive():
            check_free(self.listens_at())
        self.process.start()

    def stop(self) -> None:
        """Stop."""
        self.process.stop()

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def cancel(self) -> None:
        """Break off a start in another thread."""
        self.process.cancel()
