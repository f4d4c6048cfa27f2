"""The page Destinations: each queue, its states and reasons, and what waits for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...domain.explain.sent import SentStudy
from ...domain.instants import iso
from ...domain.study.study import UPLOAD_STUCK, upload_work
from ...domain.upload.upload import Upload
from ...ports import Clock, StudyStore
from ..upload.upload_policy import DestinationPlan

MOST = 40
"""Uploads that are shown of each list."""


@dataclass(frozen=True)
class ShownUpload:
    """One upload; ``next_at`` is empty where nothing more happens by itself."""

    study_uid: str
    accession_number: str
    destination: str
    state: str
    reason: str
    because: str
    attempts: int
    queued_at: str
    next_at: str


@dataclass(frozen=True)
class ShownDestination:
    """
    One destination.

    ``circuit``: closed, open or half-open, with ``why`` and ``retry_at``; ``closed``: why nothing is sent at
    this hour;
    ``waiting``: studies with something for it; ``today``: uploads of today's studies by state.
    """

    name: str
    kind: str
    circuit: str
    why: str
    retry_at: str
    closed: str
    waiting: int
    today: Mapping[str, int]
    next: tuple[ShownUpload, ...]
    for_results: bool = False


@dataclass(frozen=True)
class DestinationsView:
    """The page; ``cache``: what is in the offline cache, None where there is none."""

    destinations: tuple[ShownDestination, ...] = ()
    given_up: tuple[ShownUpload, ...] = ()
    number_given_up: int = 0
    cache: Mapping[str, Any] | None = None
    waits_for_room: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ShowDestinations:
    """
    Reads the queues.

    Args:
        store: The studies.
        clock: The hospital's.
        plans: The destinations; none where there are none.
        circuit_of: What is known of the circuit of a destination.
        closed_of: Why nothing is sent there at this hour; empty: it is.
        cache: Files, bytes and limits of the offline cache; None: there is none.
        waits_for_room: Hand-overs that wait for the cache, by study.
    """

    store: StudyStore
    clock: Clock
    plans: Sequence[DestinationPlan] = ()
    circuit_of: Callable[[str], Mapping[str, Any]] = lambda name: {}
    closed_of: Callable[[DestinationPlan], str] = lambda plan: ""
    cache: Callable[[], Mapping[str, Any] | None] = lambda: None
    waits_for_room: Mapping[str, str] = field(default_factory=dict)

    def __call__(self) -> DestinationsView:
        """
        Make the page.

        Raises:
            RetriableError: The store is away.
        """
        if not self.plans:
            return DestinationsView()
        today = self._today()
        number = self.store.count_due(UPLOAD_STUCK)  # first: it makes the index that the list is read by
        return DestinationsView(
            tuple(self._destination(plan, today.get(plan.name, {})) for plan in self.plans),
            self._given_up(),
            number,
            self.cache(),
            dict(self.waits_for_room),
        )

    def _given_up(self) -> tuple[ShownUpload, ...]:
        stuck = self.store.lists.sent_with(UPLOAD_STUCK, MOST)
        return tuple(shown(study, one) for study in stuck for one in study.uploads if one.stuck)

    def _today(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {plan.name: Counter() for plan in self.plans}
        for destination, state in self.store.lists.uploads_of_day(self.clock.today().isoformat()):
            found.setdefault(destination, Counter())[state] += 1
        return found

    def _destination(self, plan: DestinationPlan, today: Mapping[str, int]) -> ShownDestination:
        work, circuit = upload_work(plan.name), self.circuit_of(plan.name)
        number = self.store.count_due(work)
        waiting = self.store.lists.sent_with(work, MOST)
        return ShownDestination(
            plan.name,
            plan.kind,
            *_circuit_words(circuit),
            self.closed_of(plan),
            number,
            dict(today),
            tuple(one for study in waiting for one in _open(study, plan.name)),
            plan.for_results,
        )


def shown(study: SentStudy, upload: Upload) -> ShownUpload:
    """An upload for people."""
    return ShownUpload(
        study.study_uid,
        study.accession_number,
        upload.destination,
        upload.state.value,
        upload.reason,
        upload.because,
        upload.attempts,
        upload.queued_at,
        iso(upload.next_at) if upload.open and upload.next_at > 0 else "",
    )


def _open(study: SentStudy, destination: str) -> Iterator[ShownUpload]:
    for upload in study.uploads:
        if upload.open and upload.destination == destination:
            yield shown(study, upload)


def _circuit_words(circuit: Mapping[str, object]) -> tuple[str, str, str]:
    """Its state, why, and when it is tried again."""
    return str(circuit.get("circuit", "")), str(circuit.get("why") or ""), str(circuit.get("retryAt") or "")
