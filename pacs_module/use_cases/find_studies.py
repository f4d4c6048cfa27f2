"""Find: ask one PACS for the studies of one day and take note of what it answers (M1, M2, M11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ..domain import loglines
from ..domain.lifecycle import Event, State
from ..domain.sighting import Seen, new_study, see
from ..domain.stability import StabilityPolicy
from ..domain.study import Study
from ..domain.switches import Switches
from ..domain.values import FoundStudy, found_study
from ..ports import Clock, EventLog, PacsFinder, StudyStore
from .changing import change

STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientID",
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)


@dataclass
class FindStudies:
    """Finds at STUDY level; what is done with a wanted study before its pull is the business of ``pull_studies``."""

    store: StudyStore
    finder: PacsFinder
    clock: Clock
    log: EventLog
    switches: Switches
    stability: StabilityPolicy

    def __call__(self, pacs: str, day: date) -> int:
        """
        Find the studies of one day (in the hospital's time zone) at one PACS.

        Returns:
            How many studies became due to be pulled.

        Raises:
            RetriableError: The PACS did not answer.
            PermanentError: Its answers cannot be read.
        """
        self.log.line(loglines.find_list(day.isoformat()))
        query = {"StudyDate": day.strftime("%Y%m%d")}
        self.log.line(loglines.find_query(query))
        answers = self.finder.find(pacs, "STUDY", query, STUDY_KEYS)
        self.log.line(loglines.found_list(day.isoformat(), len(answers)))
        return self.take_note(found_study(pacs, answer) for answer in answers)

    def take_note(self, answers: Iterable[FoundStudy]) -> int:
        """Write down what the answers tell; one bad answer never stops the others."""
        fresh: list[Study] = []
        stable = 0
        for found in self._usable(answers):
            if self.store.get(found.study_uid) is None:
                fresh.append(new_study(found, self.clock.now(), self.switches))
            stable += self._sight(found, fresh)
        wanted = [study for study in fresh if study.state is not None]
        self.log.line(loglines.not_in_db(len(fresh)))
        self.log.line(loglines.after_modality(len(wanted)))
        self.log.line(loglines.added(len(wanted)))
        self.log.line(loglines.stable_found(stable))
        return stable

    def _usable(self, answers: Iterable[FoundStudy]) -> Iterable[FoundStudy]:
        seen: set[str] = set()
        for found in answers:
            if not found.study_uid:
                self._keep_unpullable(found)
            elif found.study_uid in seen:
                self.log.event("duplicate answer", pacs=found.pacs, studyUID=found.study_uid)
            else:
                seen.add(found.study_uid)
                yield found

    def _sight(self, found: FoundStudy, fresh: list[Study]) -> bool:
        if fresh and fresh[-1].study_uid == found.study_uid:
            study = fresh[-1]
            seen = see(study, found, self.clock.now(), self.stability, self.switches)
            if not self.store.insert(study):
                fresh.pop()  # another process was faster: this sighting is the next find's
                return False
        else:
            seen, study = self._sight_known(found)
        if seen.stable:
            self.log.line(loglines.is_stable(study.patient_id, study.accession_number, study.study_uid, found.count))
        return seen.stable

    def _sight_known(self, found: FoundStudy) -> tuple[Seen, Study]:
        seen = Seen(False)

        def edit(study: Study) -> bool:
            nonlocal seen
            seen = see(study, found, self.clock.now(), self.stability, self.switches)
            return seen.changed

        study = change(self.store, found.study_uid, edit)
        assert study is not None, "documents are never deleted"  # noqa: S101
        return seen, study

    def _keep_unpullable(self, found: FoundStudy) -> None:
        """Wanted, but without a UID: kept under a key of its own, so that the debug API can tell (field case 12)."""
        now = self.clock.now()
        study = new_study(found, now, self.switches)
        if study.state is None:
            return
        study.study_uid = "unpullable:" + ":".join((found.pacs, found.accession_number, found.patient_id, found.study_date))
        study.state, study.history = None, []
        study.apply(Event.NO_UID, f"{found.pacs} gives it no StudyInstanceUID", now)
        study.saw(found.pacs, found.count, now)
        if self.store.insert(study):
            values = {"pacs": found.pacs, "accession": found.accession_number}
            self.log.event("unpullable", "WARNING", state=State.UNPULLABLE.value, **values)
