"""Numbers for Prometheus; ``GET /metrics`` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CIRCUIT_NUMBERS = {"closed": 0, "half-open": 1, "open": 2}


class FindMetrics:
    """
    What finding costs and brings, by PACS. A registry of its own: several services can live in one process.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.seconds = Histogram(
            "aipull_find_seconds", "Seconds of one find round", ["pacs"], registry=self.registry
        )
        self.queries = Counter("aipull_find_queries", "C-FINDs sent", ["pacs"], registry=self.registry)
        self.answers = Counter("aipull_find_answers", "Studies answered", ["pacs"], registry=self.registry)
        self.failures = Counter(
            "aipull_find_failures", "Find rounds that failed", ["pacs"], registry=self.registry
        )
        self.reachable = Gauge(
            "aipull_pacs_reachable", "1: the last find was answered", ["pacs"], registry=self.registry
        )
        self.dropped = Counter(
            "aipull_find_dropped",
            "Answers beside the question, by key, or none at all",
            ["pacs", "what"],
            registry=self.registry,
        )
        self.capped = Gauge(
            "aipull_find_capped", "1: answers were cut and no split helped", ["pacs"], registry=self.registry
        )

        path = "0: pulls come through, 2: none does, and no study is charged"
        self.move_path = Gauge("aipull_move_path", path, ["pacs"], registry=self.registry)
        self.ram_disk = Gauge(
            "aipull_ram_disk_bytes", "The receiving Orthanc's RAM disk", ["of"], registry=self.registry
        )
        self.ram_disk_full = Gauge("aipull_ram_disk_full", "1: filled above the mark", registry=self.registry)
        self.pulls_waiting = Gauge(
            "aipull_pulls_without_room", "Pulls that wait for room", registry=self.registry
        )

        self.away = Gauge(
            "aipull_away_seconds", "How long a server has been waited for", ["server"], registry=self.registry
        )
        self.stuck = Gauge(
            "aipull_loop_stuck", "1: its step takes longer than one should", ["loop"], registry=self.registry
        )

    def dropped_answers(self, pacs: str, what: str, number: int) -> None:
        """Take answers that were dropped: the key that they differ in, or why they are none."""
        self.dropped.labels(pacs, what).inc(number)

    def move_paths(self, states: Mapping[str, str]) -> None:
        """Take the state of the path of the moves from each PACS."""
        for pacs, state in states.items():
            self.move_path.labels(pacs).set(CIRCUIT_NUMBERS[state])

    def ram_disk_state(self, state: Mapping[str, Any]) -> None:
        """Take what the plugins say of it."""
        for key, value in state.items():
            if key.endswith("Bytes"):
                self.ram_disk.labels(key.removesuffix("Bytes")).set(value)
        self.ram_disk_full.set(bool(state.get("alarm")))
        self.pulls_waiting.set(state.get("pullsWaiting", 0))

    def waiting(self, seconds: Mapping[str, float], stuck: Mapping[str, bool]) -> None:
        """Take for how many seconds each server that is away has been so, and which loops are stuck."""
        self.away.clear()
        for server, lasting in seconds.items():
            self.away.labels(server).set(lasting)
        for loop, is_stuck in stuck.items():
            self.stuck.labels(loop).set(is_stuck)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


class DeliveryMetrics:
    """How deliveries go."""

    def __init__(self, registry: CollectorRegistry) -> None:
        circuit = "0: the backend's circuit is closed, 2: open (nobody delivers)"
        self._circuit = Gauge("aipull_backend_circuit", circuit, registry=registry)
        self._tries = Counter(
            "aipull_delivery_tries", "Tries to deliver, by outcome", ["outcome"], registry=registry
        )

    def circuit_is(self, state: str) -> None:
        """The backend's circuit has turned."""
        self._circuit.set(CIRCUIT_NUMBERS[state])

    def tried(self, outcome: str) -> None:
        """A try to deliver has ended so."""
        self._tries.labels(outcome).inc()
