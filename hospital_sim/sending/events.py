"""What happens while images are sent, as one value a happening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """
    One happening.

    Attributes:
        kind: ``study_started``, ``series_sent`` (a growing series: once a part) or ``study_sent``.
        at: When, seconds since the epoch; for the last two the PACS has answered the last image by then.
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID, empty where the event is of the study.
        instances: Images of the series or study sent so far.
    """

    kind: str
    at: float
    study_uid: str
    series_uid: str = ""
    instances: int = 0

    def as_json(self) -> dict[str, Any]:
        """The event as a line of the events file; seriesUID only where there is one."""
        line: dict[str, Any] = {"event": self.kind, "at": round(self.at, 3), "studyUID": self.study_uid}
        if self.series_uid:
            line["seriesUID"] = self.series_uid
        return {**line, "instances": self.instances}


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take no notice."""
    del event
