"""``[backend]``: the AI backend, repeats of deliveries, and when nobody delivers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, FilePath, SecretStr

from ..domain.circuit import CircuitPolicy
from .section import Address, Pause, Seconds, Section, retry_policy


class BackendSettings(Section):
    """The AI backend."""

    url: Address
    key: SecretStr
    workers: int = Field(default=2, ge=1, le=64)
    """Deliveries at once: as many as the backend shall compute at a time."""
    timeout_s: Seconds = 30.0
    transfer: Literal["path", "bytes"] = "path"
    """
    ``path``: the backend reads the hand-over folder itself; ``bytes``: one request brings it the files as a
    tar.
    """
    proxy: Address | None = None
    """
    The only HTTP proxy that is used, and for the backend alone; ``HTTP_PROXY`` of the environment is not
    looked at.
    """
    ca_file: FilePath | None = None
    """Authorities of the backend's certificate, PEM; not given: the system's."""
    result_timeout_s: Seconds = 1500.0
    """
    A delivery without a result in this time is sent again. Below RabbitMQ's consumer_timeout of 30 minutes.
    """
    attempts: int = Field(default=8, ge=1)
    first_pause_s: Seconds = 10.0
    longest_pause_s: Seconds = 1800.0
    retention_s: Pause = 600.0
    """How long a hand-over folder is kept after its result."""
    circuit_failures: int = Field(default=5, ge=1)
    """
    After so many failures in a row (5xx, time-outs) nobody delivers for a while; at once when nobody is
    there.
    """
    circuit_pause_s: Seconds = 5.0
    circuit_longest_pause_s: Seconds = 60.0
    """Until one delivery is tried again; doubled with each that fails."""

    @property
    def circuit(self) -> CircuitPolicy:
        """When nobody delivers, and for how long."""
        return CircuitPolicy(
            self.circuit_failures, retry_policy(1, self.circuit_pause_s, self.circuit_longest_pause_s)
        )
