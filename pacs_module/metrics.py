"""Numbers for Prometheus; ``GET /metrics`` shows them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class FindMetrics:
    """What finding costs and brings, by PACS. A registry of its own: several services can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram("aipull_find_seconds", "Seconds of one find round", ["pacs"], registry=self.registry)
        self.queries = Counter("aipull_find_queries", "C-FINDs sent", ["pacs"], registry=self.registry)
        self.answers = Counter("aipull_find_answers", "Studies answered", ["pacs"], registry=self.registry)
        self.failures = Counter("aipull_find_failures", "Find rounds that failed", ["pacs"], registry=self.registry)
        self.reachable = Gauge("aipull_pacs_reachable", "1: the last find was answered", ["pacs"], registry=self.registry)
        self.capped = Gauge("aipull_find_capped", "1: answers were cut and no split helped", ["pacs"], registry=self.registry)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
