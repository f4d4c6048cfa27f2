"""The supervisor: begins the work once the store answers, and looks after the threads that do it."""

from __future__ import annotations

from dataclasses import dataclass

from .loop import Loop
from .service import Service

NAME = "supervisor"
LOOK_S = 2.0
"""How often it looks, in seconds."""


@dataclass
class Supervisor:
    """
    The step of the supervisor's loop.

    Before anything is claimed by this process, what dead ones had claimed is freed. That needs the store:
    while it is away the other loops, which could do nothing without it, are not started, and this one fails
    and says whom it waits for.
    """

    service: Service
    begun: bool = False

    def __call__(self) -> bool:
        """
        Look once; there is never more to do at once.

        Raises:
            RetriableError: The store is away, nothing has begun.
        """
        if not self.begun:
            self.service.free_claims()
            self.service.anonymise.sweep()
            if self.service.destinations is not None and self.service.destinations.fill is not None:
                self.service.destinations.fill.sweep()
            self.begun = True
        for name, loop in self.service.loops.items():
            if name != NAME:
                loop.look_after()
        return False


def supervised(service: Service) -> Loop:
    """
    The supervisor's loop, in the service beside those that it looks after; who looks after it is the main
    thread.
    """
    loop = Loop(NAME, Supervisor(service), LOOK_S, service.log, longest_pause=LOOK_S)
    service.loops[NAME] = loop
    return loop
