"""
The questions that use cases ask of a store, in field paths: written once, over what every store can do.

A store brings ``find``, ``count`` and a ``claim`` with conditions;
:mod:`pacs_module.adapters.stores.reference_query` says what these mean. Fields that are asked for at each
step are indexed (``sqlite_schema.INDEXED``, ``mongo._INDEXED``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from ...domain.study.lifecycle import State
from ...domain.study.priority import EMERGENCY, GREEN_CHANNEL, ROUTINE, Ageing
from ...domain.study.study import ANONYMISE, GROWTH_CHECK, PUBLISH, PULL, Study
from ...ports import AnyOf, AtLeast, AtMost, Exists, Order, Where
from .reference_query import claim_order, due_field

PULL_ORDER: Order = (("rank", -1), ("turn", 1), ("studyUID", 1))
"""Highest class first, then whose turn it is."""
TURN_ORDER: Order = (("turn", 1), ("studyUID", 1))


class NamedQuestions(ABC):
    """The named questions of :class:`pacs_module.ports.StudyStore`."""

    @abstractmethod
    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""

    @abstractmethod
    def insert(self, study: Study) -> bool:
        """Write a new study; False when its UID is there already."""

    @abstractmethod
    def replace(self, study: Study) -> bool:
        """Write a study back if nobody wrote it in between."""

    def get_many(self, study_uids: Sequence[str]) -> dict[str, Study]:
        """Those of the studies that are there and can be read, by UID."""
        return {study.study_uid: study for study in self.find({"studyUID": AnyOf(tuple(study_uids))})}

    def insert_many(self, studies: Sequence[Study]) -> set[str]:
        """Insert one by one; the UIDs of those that were written."""
        return {study.study_uid for study in studies if self.insert(study)}

    def replace_many(self, studies: Sequence[Study]) -> set[str]:
        """Replace one by one; the UIDs of those that were written."""
        return {study.study_uid for study in studies if self.replace(study)}

    @abstractmethod
    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold."""

    @abstractmethod
    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give."""

    @abstractmethod
    def claim(
        self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()
    ) -> Study | None:
        """
        Take the first study that is due for a kind of work, under further conditions; default order: the
        longest due.
        """

    def claim_growth_check(self, pacs: str, owner: str, now: int, lease: int) -> Study | None:
        """Claim the growth check of one PACS that has been due longest."""
        return self.claim(GROWTH_CHECK, owner, now, lease, {"look.pacs": pacs})

    def claim_pull(
        self, pacs: str, owner: str, now: int, lease: int, least: int, ageing: Ageing
    ) -> Study | None:
        """Claim the most urgent due pull."""
        held: dict[str, Any] = {f"pacs.{pacs}": Exists()} if pacs else {"pacs": {}}
        for more, order in _classes(now, least, ageing):
            study = self.claim(PULL, owner, now, lease, {**held, **more}, order)
            if study is not None:
                return study
        return None

    def of_pseudonym(self, uid: str) -> Study | None:
        """The study that a backend knows by this UID."""
        return self._one({"pseudonymUID": uid})

    def of_handover(self, handover_id: str) -> Study | None:
        """The study of a hand-over, or of a notification without one."""
        return self._one({"notified": handover_id})

    def with_series(self, series_uid: str) -> Study | None:
        """The study of a series."""
        return self._one({"seriesUIDs": series_uid})

    def of_day(self, day: date) -> list[Study]:
        """The studies of a day."""
        return self.find({"studyDate": day.isoformat()})

    def of_day_at(self, day: date, pacs: str) -> list[Study]:
        """The studies of a day that one PACS has or had."""
        return self.find({"studyDate": day.isoformat(), f"pacs.{pacs}": Exists()})

    def running(self) -> int:
        """How many pulls run."""
        return self.count({"pull.status": "asked"})

    def running_at(self, pacs: str) -> int:
        """How many pulls run at one PACS."""
        return self.count({"pull.status": "asked", "pull.request.pacs": pacs})

    def pulling(self) -> list[Study]:
        """The studies whose pull runs."""
        return self.find({"pull.status": "asked"})

    def handing_over(self) -> list[Study]:
        """The studies with a hand-over that waits for its result."""
        found = [*self.find({due_field(PUBLISH): Exists()}), *self.find({due_field(ANONYMISE): Exists()})]
        return list({study.study_uid: study for study in found}.values())

    def held_by(self, work: str, owner: str, now: int) -> list[Study]:
        """The studies whose work an owner has claimed and still has."""
        return self.find({due_field(work): AtLeast(now), f"claims.{work}": owner})

    def due_after(self, work: str, latest: int) -> list[Study]:
        """The studies that are due for a kind of work later than that."""
        return self.find({due_field(work): AtLeast(latest + 1)})

    def count_due(self, work: str) -> int:
        """How many studies have work of a kind."""
        return self.count({due_field(work): Exists()})

    def next_with(self, work: str, limit: int) -> list[Study]:
        """The studies that have work of a kind, the first to be due first."""
        return self.find({due_field(work): Exists()}, claim_order(work, ()), limit)

    def waiting_routine(self, limit: int) -> list[Study]:
        """The next routine studies to be pulled."""
        return self.find({"state": State.META_ONLY.value, "priority": ROUTINE}, PULL_ORDER, limit)

    def changed_before(self, moment: str, after: str, limit: int) -> list[Study]:
        """The studies that were changed last by then, by UID."""
        where = {"changedAt": AtMost(moment), "studyUID": AtLeast(after)}
        found = self.find(where, (("studyUID", 1),), limit + 1)
        return [study for study in found if study.study_uid != after][:limit]

    def of_patient(self, patient_id: str, pacs: Sequence[str]) -> list[Study]:
        """The studies of a patient, also by numbers that were corrected."""
        fields = ["patientID", *(f"pacs.{name}.earlier.patientID" for name in pacs)]
        found = {study.study_uid: study for field in fields for study in self.find({field: patient_id})}
        return list(found.values())

    def dropped_by_order(self, since: str, limit: int) -> list[Study]:
        """What orders alone have dropped, the newest first."""
        where = {"state": State.UNSUPPORTED_SERIES.value, "droppedByOrder": True, "changedAt": AtLeast(since)}
        return self.find(where, (("changedAt", -1),), limit)

    def given_up(self, since: str, limit: int) -> list[Study]:
        """What could not be pulled, the newest first."""
        where = {"state": State.PULL_FAILED.value, "changedAt": AtLeast(since)}
        return self.find(where, (("changedAt", -1),), limit)

    def last_backlog_slot(self) -> int | None:
        """When the last study from before going live is due to be pulled."""
        last = self.find({"backlog": True, due_field(PULL): Exists()}, ((due_field(PULL), -1),), 1)
        return last[0].due[PULL] if last else None

    def counts_by_state(self) -> dict[str, int]:
        """How many studies are in each state; under the empty text those without one."""
        conditions = {state.value: state.value for state in State if state is not State.NONE}
        counts = {name: self.count({"state": condition}) for name, condition in conditions.items()}
        return {**counts, State.NONE.value: self.count({"state": Exists(False)})}

    def _one(self, where: Where) -> Study | None:
        found = self.find(where, limit=1)
        return found[0] if found else None


def _classes(now: int, least: int, ageing: Ageing) -> Iterator[tuple[dict[str, Any], Order]]:
    """First what is urgent by itself, then the green channel and who has risen to it, then the others."""
    yield {"rank": AtLeast(max(least, EMERGENCY))}, PULL_ORDER
    if least <= GREEN_CHANNEL:
        yield {"risesFrom": AtMost(ageing.since(now))}, TURN_ORDER
        yield {"rank": AtLeast(least)}, PULL_ORDER
