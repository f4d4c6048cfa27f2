"""Numbers for Prometheus; ``GET /metrics`` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..domain.explain.measures import Measure, Measured

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
        self.follow_queries = Counter(
            "aipull_follow_queries", "C-FINDs of single growing studies", ["pacs"], registry=self.registry
        )
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
        self.receiver_room = Gauge(
            "aipull_receiver_room_bytes",
            "What new pulls may take at each of several receiving Orthancs",
            ["receiver"],
            registry=self.registry,
        )
        self.receiver_away = Gauge(
            "aipull_receiver_away",
            "1: this one of several receiving Orthancs does not answer",
            ["receiver"],
            registry=self.registry,
        )
        self.pulls_waiting = Gauge(
            "aipull_pulls_without_room", "Pulls that wait for room", registry=self.registry
        )

        self.away = Gauge(
            "aipull_away_seconds", "How long a server has been waited for", ["server"], registry=self.registry
        )
        self.stuck = Gauge(
            "aipull_loop_stuck", "1: its step takes longer than one should", ["loop"], registry=self.registry
        )

    def followed(self, pacs: str) -> None:
        """One query of a growing study."""
        self.follow_queries.labels(pacs).inc()

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
        self._receivers_state(state.get("receivers", {}))

    def _receivers_state(self, receivers: Mapping[str, Any]) -> None:
        for name, told in receivers.items():
            self.receiver_room.labels(name).set(told["roomBytes"])
            self.receiver_away.labels(name).set(bool(told["away"]))

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


class UploadMetrics:
    """How uploads to destinations go."""

    def __init__(self, registry: CollectorRegistry) -> None:
        circuit = "0: the destination's circuit is closed, 2: open (nothing is sent)"
        self._circuit = Gauge("aipull_destination_circuit", circuit, ["destination"], registry=registry)
        labels = ["destination", "outcome"]
        self._tries = Counter("aipull_upload_tries", "Tries to upload, by outcome", labels, registry=registry)
        words = "Bytes that destinations have been found to have"
        self._bytes = Counter("aipull_uploaded_bytes", words, ["destination"], registry=registry)
        self._waiting = Gauge(
            "aipull_uploads_waiting", "Studies with something to upload", ["destination"], registry=registry
        )
        self._stuck = Gauge(
            "aipull_uploads_given_up", "Studies with an upload that waits for a person", registry=registry
        )

    def circuit_is(self, destination: str, state: str) -> None:
        """A destination's circuit has turned."""
        self._circuit.labels(destination).set(CIRCUIT_NUMBERS[state])

    def tried(self, destination: str, outcome: str, size: int) -> None:
        """A try has ended so, with so many bytes found to be there."""
        self._tries.labels(destination, outcome).inc()
        if size:
            self._bytes.labels(destination).inc(size)

    def queues(self, waiting: Mapping[str, int], stuck: int) -> None:
        """Take how many studies wait for each destination, and for a person."""
        for destination, number in waiting.items():
            self._waiting.labels(destination).set(number)
        self._stuck.set(stuck)


_STAGE_SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200)
MOST_LABELS = 200
"""So many combinations of labels a metric; what comes beyond is counted under "other"."""


class StudyMetrics:
    """
    What the study documents say in numbers.

    Every process tells all of it: of several, take one or the greatest, not the sum.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = Histogram(
            "aipull_stage_seconds", "Seconds of a stage", ["stage"], registry=registry, buckets=_STAGE_SECONDS
        )
        self._pulls = Histogram(
            "aipull_pull_seconds", "C-MOVEs by outcome", ["pacs", "outcome"], registry=registry,
            buckets=_STAGE_SECONDS,
        )  # fmt: skip
        counters = {
            Measure.EVENT: ("aipull_study_events", "Changes of state", ["event", "state"]),
            Measure.SERIES: ("aipull_series_judged", "Series judged", ["standing", "rule", "modality"]),
            Measure.IMAGES: ("aipull_pulled_images", "Images that pulls brought", ["pacs"]),
            Measure.ARRIVAL: ("aipull_arrivals", "Studies whose first images came", ["device"]),
        }
        self._counters = {
            measure: Counter(name, words, labels, registry=registry)
            for measure, (name, words, labels) in counters.items()
        }
        self._studies = Gauge("aipull_studies", "Studies by state", ["state"], registry=registry)
        self._messages = Gauge("aipull_queue_messages", "Messages in RabbitMQ", ["queue"], registry=registry)
        self._labels: dict[Measure, set[tuple[str, ...]]] = {measure: set() for measure in Measure}

    def take(self, one: Measured) -> None:
        """Count one number of a document."""
        labels = self._bounded(one)
        if one.measure is Measure.STAGE:
            self._stages.labels(*labels).observe(one.value)
        elif one.measure is Measure.PULL:
            self._pulls.labels(*labels).observe(one.value)
        else:
            self._counters[one.measure].labels(*labels).inc(one.value)

    def studies(self, counts: Mapping[str, int]) -> None:
        """Take how many studies are in each state."""
        for state, number in counts.items():
            self._studies.labels(state or "not wanted").set(number)

    def messages(self, counts: Mapping[str, int] | None) -> None:
        """
        Take how many messages wait in each queue; None: RabbitMQ does not tell, and an old number is none.
        """
        self._messages.clear()
        for queue, number in (counts or {}).items():
            self._messages.labels(queue).set(number)

    def _bounded(self, one: Measured) -> tuple[str, ...]:
        """What comes from headers (a modality) has no end of values."""
        seen = self._labels[one.measure]
        if one.labels in seen or len(seen) < MOST_LABELS:
            seen.add(one.labels)
            return one.labels
        return ("other",) * len(one.labels)
