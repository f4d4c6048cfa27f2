"""What came back from the backend: each set of objects, and where it stands at each destination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ...domain.explain.sent import SentStudy, sent_of
from ...domain.results.result_set import ResultSet
from ...domain.study.study import UPLOAD_STUCK, upload_work
from ...ports import Clock, StudyStore
from ..resolve_ids import study_named
from ..upload.upload_policy import DestinationPlan
from .destinations import ShownUpload, shown

MOST = 200
"""Studies that are looked at of each list."""


@dataclass(frozen=True)
class ShownResult:
    """One set; ``uploads``: where it stands, and why it is not there."""

    study_uid: str
    accession_number: str
    result_id: str
    modality: str
    objects: int
    by: str
    received_at: str
    handover_id: str
    uploads: tuple[ShownUpload, ...] = ()


@dataclass(frozen=True)
class ShownRefused:
    """An object that was not taken."""

    study_uid: str
    accession_number: str
    at: str
    sop_uid: str
    why: str


@dataclass(frozen=True)
class ResultsView:
    """Of today's studies, of those with something under way, or of one; the newest first."""

    results: tuple[ShownResult, ...] = ()
    refused: tuple[ShownRefused, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)
    """Studies with something for each destination."""


@dataclass(frozen=True)
class ShowResults:
    """
    Args:
        store: The studies.
        clock: The hospital's.
        plans: Destinations for results.
    """

    store: StudyStore
    clock: Clock
    plans: Sequence[DestinationPlan] = ()

    def __call__(self, study_uid: str = "") -> ResultsView:
        """
        The view.

        Raises:
            RetriableError: The store is away.
        """
        studies = self._one(study_uid) if study_uid else list(self._current().values())
        found = [_shown(study, one) for study in studies for one in study.results]
        found.sort(key=lambda one: one.received_at, reverse=True)
        refused = tuple(chain.from_iterable(_refused(study) for study in studies))
        waiting = {plan.name: self.store.count_due(upload_work(plan.name)) for plan in self.plans}
        return ResultsView(tuple(found), refused, waiting)

    def _one(self, study_uid: str) -> list[SentStudy]:
        study = study_named(self.store, study_uid)
        return [sent_of(study)] if study is not None else []

    def _current(self) -> dict[str, SentStudy]:
        """Today's studies, and those that wait for a destination or a person."""
        works = [UPLOAD_STUCK, *(upload_work(plan.name) for plan in self.plans)]
        studies = self.store.lists.results_of_day(self.clock.today().isoformat())
        for work in works:
            studies += self.store.lists.sent_with(work, MOST)
        return {study.study_uid: study for study in studies}


def _shown(study: SentStudy, result: ResultSet) -> ShownResult:
    uploads = [shown(study, one) for one in study.uploads if one.handover_id == result.result_id]
    return ShownResult(
        study.study_uid,
        study.accession_number,
        result.result_id,
        result.modality,
        len(result.objects),
        result.by,
        result.received_at,
        result.handover_id,
        tuple(uploads),
    )


def _refused(study: SentStudy) -> Iterator[ShownRefused]:
    for one in reversed(study.refused_results):
        yield ShownRefused(study.study_uid, study.accession_number, one.at, one.sop_uid, one.why)
