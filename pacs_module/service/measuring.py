"""The step that reads numbers for the metrics: study documents, states, queues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..adapters.metrics import StudyMetrics
from ..adapters.queue.rabbitmq import RabbitQueue
from ..domain.errors import PipelineError
from ..ports import StudyStore
from ..use_cases.operate.measure_studies import MeasureStudies

MEASURE = "measure"
MEASURE_S = 10.0
"""How often, in seconds."""


@dataclass(frozen=True)
class Measuring:
    """
    One step of the loop. ``queue`` is a connection of its own: counting keeps no publishing waiting.
    """

    studies: MeasureStudies
    store: StudyStore
    queue: RabbitQueue
    metrics: StudyMetrics
    uploads: Callable[[], None] = lambda: None
    """Tells the queues of destinations, where there are any."""

    def __call__(self) -> bool:
        """Read everything once; False: there is no more to do at once."""
        self.studies()
        self.metrics.studies(self.store.counts_by_state())
        self.uploads()
        try:
            self.metrics.messages({"ready": self.queue.depth(), "dead letters": self.queue.dead_depth()})
        except PipelineError:
            self.metrics.messages(None)  # the outage is told by the loops that need RabbitMQ
        return False
