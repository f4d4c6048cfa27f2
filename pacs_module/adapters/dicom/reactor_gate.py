"""
The answers of an association go to who asked.

pynetdicom 3.0.4 runs each association in a thread, its reactor, which takes messages from the peer. A request
of ours (``send_c_store`` and its like) first closes a gate before the reactor and waits until ``_is_paused`` is
true. That flag stays true for an instant after the reactor has passed the gate: the request then goes out
while the reactor still runs, the reactor takes the answer ("Received unexpected C-STORE service message") and
the request waits until its time-out. On a busy machine that was one image in some 2,000.
"""

from __future__ import annotations

import threading

from pynetdicom.association import Association

_LOOK_S = 0.05
"""How often a reactor that has not come yet is looked at; it comes every millisecond."""


class ReactorGate(threading.Event):
    """In place of an association's own gate: passing it and taking the flag down are one step."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association
        self._reached = threading.Event()
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Called by the reactor, for as long as a request is on its way."""
        self._reached.set()
        while super().wait(timeout):
            with self._cond:  # type: ignore[attr-defined]  # the lock under which a gate opens and closes
                if self.is_set():
                    self._association._is_paused = False
                    return True
        return False

    def wait_until_reached(self) -> None:
        """Return when the reactor has come to this gate, and so has left the one before, or has ended."""
        while self._association.is_alive() and not self._reached.wait(_LOOK_S):
            pass


def keep_answers(association: Association) -> None:
    """
    Give an association a gate that lets no reactor pass unseen.

    Args:
        association: An established one, before its first request.
    """
    gate = ReactorGate(association)
    association._reactor_checkpoint = gate
    gate.wait_until_reached()
