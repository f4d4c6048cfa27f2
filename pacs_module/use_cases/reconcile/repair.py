"""Repair: what a reconciliation found missing is pulled, through the ordinary life cycle (M26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...domain.dicom.attributes import FoundStudy
from ...domain.find.sighting import new_study
from ...domain.reconcile.report import Report
from ...domain.reconcile.report_line import REPAIRABLE, Cause, ReportLine
from ...domain.rules.switches import Switches
from ...domain.study import lifecycle
from ...domain.study.history import Note
from ...domain.study.lifecycle import Event, State
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study
from .destinations import SendAgain

_ONCE_MORE = (Cause.DEAD_LETTER, Cause.NO_VERDICT)
"""The same images shall be handed over once more."""


@dataclass
class Repair:
    """
    Puts what is missing to be pulled; the pull loop does it in its order, without pushing ahead of anybody.
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    switches: Switches

    def __call__(self, report: Report, by: str) -> Report:
        """
        Repair what can be.

        Args:
            report: What is missing.
            by: Who asked, for the history.

        Returns:
            The report with what was done, by study.
        """
        done = {
            line.study_uid: words
            for line in report.lines
            if (words := self._repair(line, f"reconcile: {by}"))
        }
        done = {
            **SendAgain(self.store, self.clock, self.log)(report.destinations, f"reconcile: {by}"),
            **done,
        }
        self.log.event("reconcile_repaired", "reconcile: repaired", studyUIDs=sorted(done), by=by)
        return replace(report, repaired=done)

    def _repair(self, line: ReportLine, by: str) -> str:
        """What was done with a study, empty when there was nothing to do, or no more."""
        if line.cause not in REPAIRABLE or not line.study_uid or not line.pacs:
            return ""
        copies = [_copy(line, pacs) for pacs in line.pacs]
        if self.store.get(line.study_uid) is None:
            self.store.insert(new_study(copies[0], self.clock.now(), self.switches))
        return "to be pulled" if self._pulls(line, copies, by) else ""

    def _pulls(self, line: ReportLine, copies: Sequence[FoundStudy], by: str) -> bool:
        done = False

        def edit(study: Study) -> bool:
            nonlocal done
            done = self._pull(study, line, by)
            if done:
                for copy in copies:
                    study.saw(copy.pacs, copy.count, self.clock.now())
            return done

        update_study(self.store, line.study_uid, edit)
        return done

    def _pull(self, study: Study, line: ReportLine, by: str) -> bool:
        """Judged again on the newest document: what has gone on since the comparison is left alone."""
        now, why = self.clock.now(), f"{line.cause.value}: {line.why}"
        if line.cause is Cause.NOT_FOUND:
            if study.pull is not None or study.state not in (None, State.META_ONLY):
                return False
            study.modality = list(dict.fromkeys((*study.modality, *line.modality)))
            _want(study, why, now, by)
        elif study.state not in lifecycle.REPAIRABLE:
            return False
        else:
            study.forced = line.cause in _ONCE_MORE
            study.apply(Event.MANUAL, why, now, by=by)
        study.pull_now(now)
        return True


def _copy(line: ReportLine, pacs: str) -> FoundStudy:
    names = (line.study_date, line.study_time, line.accession_number, line.patient_id, line.study_description)
    return FoundStudy(pacs, line.study_uid, *names, line.modality, line.counts.in_pacs)


def _want(study: Study, why: str, now: int, by: str) -> None:
    if study.state is None:
        study.apply(Event.WANTED, why, now, by=by)
    else:
        study.note(Note.TO_BE_PULLED, why, now, by=by)
