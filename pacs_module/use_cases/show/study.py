"""The page of one study: its story, where its time went, and what a person can do (M24, M37)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.errors import PipelineError
from ...domain.explain.listing import RowVerdict, verdicts_of
from ...domain.explain.story import story
from ...domain.explain.time_scale import TimeScale, time_scale
from ...domain.study.lifecycle import TABLE, Event, State
from ...domain.study.study import Study
from ...ports import Clock, ReceivedImages, StudyStore
from .receiving import receiving

ARRIVING = (State.PULL_DATA, None)
"""Images of a study in these states may be arriving: pulled, or pushed without our asking."""

_ACTIONS = {"redo": Event.MANUAL, "cancel": Event.CANCELLED, "done": Event.DONE_BY_HAND}


@dataclass(frozen=True)
class StudyView:
    """
    One study. ``story`` is what the debug API tells; ``reception`` what the plugins say of images that arrive
    now (empty: none do, or Orthanc does not answer); ``actions`` what its state allows.
    """

    story: dict[str, Any]
    scale: TimeScale | None
    actions: tuple[str, ...]
    reception: dict[str, Any]
    verdicts: dict[str, RowVerdict]
    """Of each series, with attribute and value that decided."""
    patient_name: str = ""


@dataclass(frozen=True)
class ShowStudy:
    """
    Makes the page. ``away`` and ``spared``: who does not answer, and who is spared, by name, in words.
    """

    store: StudyStore
    clock: Clock
    images: ReceivedImages
    away: Callable[[], Mapping[str, str]]
    spared: Callable[[], Mapping[str, str]]

    def __call__(self, study_uid: str, with_name: bool = False) -> StudyView | None:
        """
        Make it; None when there is no such study. ``with_name``: the site shows patients' names.

        Raises:
            RetriableError: The store is away.
        """
        study = self.store.get(study_uid)
        if study is None:
            return None
        now = self.clock.now()
        return StudyView(
            story=story(study, now, self.away(), self.spared()),
            scale=time_scale(study, now),
            actions=allowed(study),
            reception=self._reception(study),
            verdicts={one.series_uid: one for one in verdicts_of(study)},
            patient_name=self._name(study_uid) if with_name else "",
        )

    def _reception(self, study: Study) -> dict[str, Any]:
        if study.state not in ARRIVING:
            return {}
        return receiving(self.images, study.study_uid)

    def _name(self, study_uid: str) -> str:
        try:
            return self.images.patient_name(study_uid)
        except PipelineError:
            return ""


def allowed(study: Study) -> tuple[str, ...]:
    """What a person can do with a study in its state."""
    events = TABLE[study.state or State.NONE]
    possible = [name for name, event in _ACTIONS.items() if event in events]
    return (*possible, "priority")
