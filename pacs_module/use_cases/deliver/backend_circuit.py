"""
The circuit breaker of the backend, or of a ``destination``, shared by its workers in a process: state, log
line and metric in one place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ...domain.circuit import CLOSED, HALF_OPEN, OPEN, Circuit, CircuitPolicy
from ...domain.explain.outages import ServerFault
from ...domain.instants import iso
from ...ports import Clock, EventLog


class BackendCircuit:
    """
    Says who may deliver now. While it is not closed, messages wait in RabbitMQ, in their order.

    A process keeps its own: with several processes there are as many probes.
    """

    def __init__(
        self,
        clock: Clock,
        log: EventLog,
        policy: CircuitPolicy,
        told: Callable[[str], None] = lambda state: None,
        destination: str = "",
    ) -> None:
        self._destination = destination
        self._clock, self._log, self._policy, self._told = clock, log, policy, told
        self._circuit = Circuit()
        self._lock = threading.Lock()
        self._prober: int | None = None

    def admit(self) -> bool:
        """
        Whether this thread may take a message; when it is the probe it has to say how it went, or
        :meth:`give_back`.
        """
        with self._lock:
            now = self._clock.now()
            if self._circuit.may_probe(now):
                self._circuit = self._circuit.probing(now)
                self._prober = threading.get_ident()
                return True
            return self._circuit.state == CLOSED

    def give_back(self) -> None:
        """This thread is done with what it was admitted for; a probe that was not made is somebody else's."""
        with self._lock:
            if self._prober == threading.get_ident():
                self._prober = None
                if self._circuit.state == HALF_OPEN:
                    self._circuit = self._circuit.unprobed(self._clock.now())

    def succeeded(self) -> None:
        """The backend has answered in its right mind."""
        self._turn(lambda circuit, now: circuit.succeeded(now))

    def failed(self, why: str, down: bool = False, wait: timedelta | None = None) -> None:
        """
        The backend has failed, or was not there (``down``); ``wait``: how long it asks to be left alone.
        """
        self._turn(lambda circuit, now: circuit.failed(why, now, self._policy, down, wait))

    @property
    def is_closed(self) -> bool:
        """Whether everybody may deliver: the last ones did not all fail."""
        return self._circuit.state == CLOSED

    def fault(self, server: str) -> ServerFault | None:
        """Why nobody delivers to that server now; None: somebody may."""
        circuit = self._circuit
        return None if circuit.state == CLOSED else ServerFault(server, circuit.why, circuit.away_since)

    def told(self) -> dict[str, Any]:
        """For health and the debug API."""
        circuit = self._circuit
        return {
            "circuit": circuit.state,
            "since": iso(circuit.since) if circuit.since else None,
            "failuresInRow": circuit.failures,
            "retryAt": iso(circuit.retry_at) if circuit.state == OPEN else None,
            "why": circuit.why,
        }

    def _turn(self, change: Callable[[Circuit, int], Circuit]) -> None:
        with self._lock:
            before, self._circuit = self._circuit, change(self._circuit, self._clock.now())
            after = self._circuit
            if after.state != HALF_OPEN:
                self._prober = None
        if after.opened > before.opened or (after.state == CLOSED and before.state != CLOSED):
            self._say(after, before.failures)

    def _say(self, circuit: Circuit, failures: int) -> None:
        self._told(circuit.state)
        if self._destination:
            self._say_of_destination(circuit, failures)
        elif circuit.state == CLOSED:
            self._log.event(
                "backend_circuit_closed",
                "circuit of the backend is closed",
                "INFO",
                afterFailures=failures,
            )
        else:
            retry = iso(circuit.retry_at)
            self._log.event(
                "backend_circuit_open",
                "circuit of the backend is open",
                "WARNING",
                why=circuit.why,
                retryAt=retry,
                inRow=circuit.opened,
            )

    def _say_of_destination(self, circuit: Circuit, failures: int) -> None:
        if circuit.state == CLOSED:
            words = "circuit of a destination is closed"
            self._log.event(
                "destination_circuit_closed", words, destination=self._destination, afterFailures=failures
            )
        else:
            words, retry = "circuit of a destination is open", iso(circuit.retry_at)
            values = {"why": circuit.why, "retryAt": retry, "inRow": circuit.opened}
            self._log.event(
                "destination_circuit_open", words, "WARNING", destination=self._destination, **values
            )
