"""
All studies that are arriving or wait to be deleted: found through the change log, taken up again after a
start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pacs_module.domain.explain import loglines
from pacs_module.domain.image_validation.rates import Arrivals
from pacs_module.domain.receive.reception_state import SETTLED, SUPERSEDED, UNDER_WAY
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..journal.receptions import Reception
from ..journal.tables import Tables
from ..runtime.clock import now_ms
from ..server.change_log import Changes
from ..server.orthanc_client import InstanceHere, OrthancClient, StudyHere
from .arriving_study import ArrivingStudy

READ_AGAIN_S = 1.0
"""So often a study of which images come is read whole, because images may also have gone from Orthanc."""


class ArrivingStudies:
    """
    The arrivals by StudyInstanceUID; used by the reception worker's thread only.

    Args:
        rest: Orthanc.
        tables: The journal.
        changes: The change log.
        stable_age: Seconds after a pull's end in which images without a new pull are still its stragglers.
        log: Gets ``new study``, before the reception is journaled: a crash between the two repeats a line and
            loses none.
    """

    def __init__(
        self, rest: OrthancClient, tables: Tables, changes: Changes, stable_age: float, log: ContractLog
    ) -> None:
        self._rest = rest
        self._tables = tables
        self._changes = changes
        self._stable_age = stable_age
        self._log = log
        self._by_study: dict[str, ArrivingStudy] = {}
        self.pace = Arrivals()
        """How fast images come, by AE title."""

    def __len__(self) -> int:
        return len(self._by_study)

    def __contains__(self, study_uid: str) -> bool:
        return study_uid in self._by_study

    def all(self) -> tuple[ArrivingStudy, ...]:
        """As they are now."""
        return tuple(self._by_study.values())

    def get(self, study_uid: str) -> ArrivingStudy | None:
        """The arrival of a study."""
        return self._by_study.get(study_uid)

    def drop(self, arrival: ArrivingStudy) -> None:
        """Forget a study that needs no more work."""
        self._by_study.pop(arrival.row.study_uid, None)

    def refresh(self, arrival: ArrivingStudy) -> None:
        """Read from Orthanc what is here of one."""
        arrival.refresh(self._rest)

    def begin(self) -> None:
        """After a start: take up what was open, and every study in Orthanc that the journal has not."""
        for row in self._tables.receptions.in_state(*UNDER_WAY):
            self._hold(row)
        settled = {row.study_uid for row in self._tables.receptions.in_state(*SETTLED)}
        for study in self._rest.studies():
            if study.study_uid not in settled:
                self._arrival_of(study)

    def take_changes(self) -> None:
        """Read the change log to its end; its number is journaled after what it caused."""
        while True:
            batch = self._changes.read()
            if batch.instances:
                self._assign(set(batch.instances))
                reach("received")
            self._changes.taken(batch)
            if batch.done:
                return

    def journal_changes(self) -> None:
        """To be done before a study is not open any more."""
        self._changes.journal()

    def open(self, study_uid: str, orthanc_ids: set[str]) -> ArrivingStudy:
        """Begin a reception with what is here of the study."""
        before = self._tables.receptions.of_study(study_uid, *SUPERSEDED)
        known = set(before.orthanc_ids) if before else set()
        self._log.line(loglines.new_study(study_uid))
        return self._hold(
            self._tables.receptions.open(study_uid, orthanc_ids | known, self._is_push(study_uid), now_ms())
        )

    def _assign(self, images: set[str]) -> None:
        """Find the studies of new images with one question for all of them, and one for each new series."""
        here = {one.orthanc_id: one for one in self._rest.with_senders(sorted(images))}
        self.pace.add(Counter(one.ae_title for one in here.values() if one.ae_title), now_ms())
        for arrival in sorted(self._by_study.values(), key=ArrivingStudy.quiet_for):
            taken = arrival.take(here[one] for one in images if one in here)
            images -= taken
            if images or (taken and arrival.read_s_ago() > READ_AGAIN_S):
                arrival.refresh(self._rest)
                images -= self._came(arrival, images, here)
        self._open_studies_of(images, here)

    def _open_studies_of(self, images: set[str], here: Mapping[str, InstanceHere]) -> None:
        """Take images whose study is not open; each found study takes all of its own."""
        while images:
            one = next(iter(images))
            study = self._rest.study_of_instance(one)
            if study is not None:
                images -= self._came(self._arrival_of(study), images, here)
            images.discard(one)

    @staticmethod
    def _came(arrival: ArrivingStudy, images: set[str], here: Mapping[str, InstanceHere]) -> set[str]:
        """Those of the images that the study has, now that it was read."""
        came = images & arrival.instances
        if came:
            arrival.touch(came)
            arrival.note(here[one] for one in came if one in here)
        return came

    def _arrival_of(self, study: StudyHere) -> ArrivingStudy:
        arrival = self._by_study.get(study.study_uid)
        if arrival is None:
            return self.open(study.study_uid, {study.orthanc_id})
        if study.orthanc_id not in arrival.row.orthanc_ids:
            arrival.row = self._tables.receptions.add_orthanc_id(arrival.row, study.orthanc_id)
            arrival.refresh(self._rest)
        return arrival

    def _hold(self, row: Reception) -> ArrivingStudy:
        arrival = ArrivingStudy(row, judged=self._tables.receptions.judged(row))
        arrival.refresh(self._rest)
        self._by_study[row.study_uid] = arrival
        return arrival

    def _is_push(self, study_uid: str) -> bool:
        """
        Not when a pull runs, nor for stragglers of one that has just ended (by a clock that was not set back
        meanwhile).
        """
        last = self._tables.pulls.last(study_uid)
        if last is None:
            return True
        return last.report is not None and not 0 <= now_ms() - (last.ended_at or 0) <= self._stable_age * 1000
