"""Reception: change log, journal, filter, completeness, conclusion, end (states: domain/receive/reception_state.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from pacs_module.domain.errors import PipelineError
from pacs_module.domain.receive.completeness import GROWING, Expectations, judge_completeness
from pacs_module.domain.receive.decision import SHORT_OUTCOME, Asked, expectations, outlook, series_reports
from pacs_module.domain.receive.reception_state import ReceptionEvent, ReceptionState
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.wire.messages import PullReport
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..journal.pulls import ENDED, Pull
from ..journal.tables import Tables
from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from .arrival import Arrival
from .arrivals import Arrivals
from .conclude import Concluder, Received
from .judge import Judge

SETTLE_S = 2.0
"""Some PACS send images after the final C-MOVE response."""
QUIET_BEFORE_DELETE_S = 3.0
"""A study whose images still arrive is not deleted; late ones come within a moment of the job's end, or much later."""
_OPEN_WAKE_S = 0.5


class ReceptionWorker(Worker):
    """
    One thread that sees every study through.

    Args:
        tables: The journal.
        arrivals: What is here.
        judge: The filter.
        concluder: What is done with a received study.
        switches: STABLE_AGE and DELETE_AFTER_SEND.
        log: For events.
    """

    def __init__(
        self,
        tables: Tables,
        arrivals: Arrivals,
        judge: Judge,
        concluder: Concluder,
        switches: Switches,
        log: ContractLog,
    ) -> None:
        super().__init__("reception", log)
        self._tables = tables
        self._arrivals = arrivals
        self._judge = judge
        self._concluder = concluder
        self._switches = switches
        self._ended_seen: dict[str, float] = {}
        self.answer_wait_s = 0.0
        """How much longer than STABLE_AGE a pushed study waits for the answer about what the PACS has."""
        self.on_owed: Callable[[], None] = lambda: None
        self.on_doomed: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """After a start: take up what was open."""
        self._arrivals.begin()

    def step(self) -> float:
        """Read the change log and look at every study that is not done."""
        self._arrivals.take_changes()
        for arrival in tuple(self._arrivals.all()):
            if not self._guarded(arrival.row.study_uid, lambda arrival=arrival: self._look(arrival)):  # type: ignore[misc]
                self._guarded(arrival.row.study_uid, lambda arrival=arrival: self._concluder.drop_broken(arrival))  # type: ignore[misc]
        for pull in self._tables.pulls.unreported():
            if pull.job_state == ENDED and pull.conclusion is not None:
                self._guarded(pull.request.study_uid, lambda pull=pull: self._report(pull, pull.conclusion))  # type: ignore[misc]
            elif pull.job_state == ENDED and pull.request.study_uid not in self._arrivals:
                self._guarded(pull.request.study_uid, lambda pull=pull: self._without_arrival(pull))  # type: ignore[misc]
        return _OPEN_WAKE_S if len(self._arrivals) or self._ended_seen else self.IDLE_S

    def _guarded(self, study_uid: str, work: Callable[[], None]) -> bool:
        """One study that cannot be dealt with must not hold up the others; whether it could be."""
        try:
            work()
        except (PipelineError, OSError) as error:  # OSError: the disk is full
            self._log.event(
                "reception_step_failed", "a study will be looked at again",
                level="WARNING", studyUID=study_uid, error=str(error),
            )
            return False
        return True

    # --- judgement ---

    def _look(self, arrival: Arrival) -> None:
        if not arrival.series:
            self._vanished(arrival)
        elif arrival.row.state is ReceptionState.CONCLUDED:
            self._finish(arrival)
        else:
            self._judge_open(arrival)

    def _vanished(self, arrival: Arrival) -> None:
        self._arrivals.refresh(arrival)
        if not arrival.series:
            self._log.event(
                "study_gone_from_orthanc", "a study is gone from Orthanc",
                studyUID=arrival.row.study_uid,
            )
            self._tables.receptions.move(arrival.row, ReceptionEvent.VANISH, now_ms())
            self._arrivals.drop(arrival)

    def _judge_open(self, arrival: Arrival) -> None:
        study = arrival.row.study_uid
        pull = self._tables.pulls.current(study)
        asked = self._asked(arrival, pull)
        self._judge.new_series(arrival, asked.request)
        expected = expectations(asked.request)
        quiet = min(arrival.quiet_for(), self._since_end(pull))
        ended = quiet >= self._wait_s(pull, expected, arrival)
        told = arrival.told_now
        if pull is None and not ended and not (told is not None and told.settled and expected.known):
            return  # unasked images have no end but quiet, or what the PACS has
        if pull is None and arrival.row.is_push and told is None and quiet < self._switches.stable_age + self.answer_wait_s:
            return  # pacs_module is being asked
        ahead = outlook(arrival.counts, arrival.judged, asked.request, ended, self._switches)
        matched = self._judge.matched(arrival, asked.request)
        completeness = judge_completeness(study, expected, matched, ahead.needed, ended)
        if completeness.verdict == GROWING:
            return
        self._conclude(Received(arrival, pull, asked, expected, completeness), None if ended else ahead.needed)

    def _conclude(self, received: Received, needed: frozenset[str] | None) -> None:
        """``needed``: the series that were proved whole while others may still arrive; None: nothing arrives any more."""
        arrival, pull = received.arrival, received.pull
        before = arrival.counts
        self._arrivals.refresh(arrival)
        grown = {uid for uid, count in arrival.counts.items() if count != before.get(uid)}
        if grown & (arrival.counts.keys() if needed is None else needed):
            return  # judged again with what is here
        changed = self._judge.counts(arrival, received.asked.request, needed)
        if changed and needed is not None:
            return  # what was thought to be the best was dropped
        reach("filtered")
        outcome = self._concluder.conclude(received)
        if pull is not None:
            self._ended_seen.pop(pull.request.pull_id, None)
        if outcome == SHORT_OUTCOME:
            self._arrivals.drop(arrival)
        self.on_owed()

    def _asked(self, arrival: Arrival, pull: Pull | None) -> Asked:
        reception = arrival.row.number
        if pull is not None:
            return Asked(pull.request, pull.request.final, pull.request.forced, reception)
        last = self._tables.pulls.last(arrival.row.study_uid)
        if last is not None and last.report is not None and last.report.outcome == SHORT_OUTCOME:
            return Asked(last.request, reception=reception)  # waits for more
        if last is not None and arrival.row.counted and not arrival.row.is_push:
            return Asked(last.request, final=True, reception=reception)  # more came after the study was concluded
        told = arrival.told_now
        return Asked(told.request if told is not None else None, final=True, reception=reception)

    def _wait_s(self, pull: Pull | None, expected: Expectations, arrival: Arrival) -> float:
        if pull is not None and expected.known:
            return SETTLE_S
        if pull is None and arrival.row.counted and not arrival.row.is_push:
            return QUIET_BEFORE_DELETE_S  # stragglers of a pull that was concluded early
        return self._switches.stable_age

    def _since_end(self, pull: Pull | None) -> float:
        """Seconds since a pull's end was noticed; below zero while it runs."""
        if pull is None:
            return float("inf")
        if pull.job_state != ENDED:
            return -1.0
        now = time.monotonic()
        return now - self._ended_seen.setdefault(pull.request.pull_id, now)

    # --- the end ---

    def _without_arrival(self, pull: Pull) -> None:
        """A pull has ended and brought no image that was noticed: the study may lie here from before, or nothing came."""
        study = pull.request.study_uid
        before = self._tables.receptions.of_study(study, ReceptionState.SHORT, ReceptionState.RETAINED)
        if before is not None:
            arrival = self._arrivals.open(study, set(before.orthanc_ids))
            if arrival.series:
                return
            self._vanished(arrival)
        expected = expectations(pull.request)
        if self._tables.receptions.of_study(study, ReceptionState.DELETING) or self._since_end(pull) < self._settle_after(pull):
            return
        completeness = judge_completeness(study, expected, {}, frozenset(expected.series), ended=True)
        self._concluder.nothing_came(pull, expected, completeness)
        self._ended_seen.pop(pull.request.pull_id, None)
        self.on_owed()

    def _report(self, pull: Pull, conclusion: PullReport) -> None:
        """The job has ended: the report goes out, with what has come since the study was concluded early."""
        arrival = self._arrivals.get(pull.request.study_uid)
        if arrival is not None and arrival.row.state is ReceptionState.CONCLUDED:
            self._arrivals.refresh(arrival)
            reports = series_reports(arrival.counts, arrival.judged, pull.request, expectations(pull.request))
            conclusion = replace(conclusion, received=sum(arrival.counts.values()), series=reports)
        self._tables.pulls.report(pull.request.pull_id, conclusion)
        self.on_owed()

    def _settle_after(self, pull: Pull) -> float:
        return SETTLE_S if pull.job_ids else 0.0

    def _finish(self, arrival: Arrival) -> None:
        """Concluded: deleted when neither a pull nor an image is under way any more."""
        study = arrival.row.study_uid
        pulls = self._tables.pulls.unreported(study)
        if pulls and pulls[0].conclusion is None and (arrival.grew or pulls[0].job_state == ENDED):
            self._again(arrival)
        if pulls or arrival.quiet_for() < QUIET_BEFORE_DELETE_S:
            return
        if self._has_more(arrival):
            self._log.event(
                "images_after_conclusion", "more images came after the study was concluded",
                studyUID=study, counts=arrival.counts,
            )
            arrival.row = self._tables.receptions.move(arrival.row, ReceptionEvent.GROW, now_ms())
        elif self._switches.delete_after_send:
            self._doom(arrival)
        else:
            self._tables.receptions.move(arrival.row, ReceptionEvent.RETAIN, now_ms())
            self._arrivals.drop(arrival)

    def _doom(self, arrival: Arrival) -> None:
        study = arrival.row.study_uid
        with self._tables.journal.transaction():
            if self._tables.pulls.unreported(study):
                return  # asked for in this moment; a pull that is asked for later waits for the deletion
            self._tables.receptions.delete(arrival.row, arrival.instances, now_ms())
        reach("doomed")
        self._arrivals.drop(arrival)
        self.on_doomed()

    def _again(self, arrival: Arrival) -> None:
        """A new pull of a study that is still here: a reception of its own, the old one ends."""
        again = self._arrivals.open(arrival.row.study_uid, set(arrival.row.orthanc_ids))
        again.last_image = arrival.last_image

    def _has_more(self, arrival: Arrival) -> bool:
        """Whether what came after the conclusion makes another hand-over."""
        asked = self._asked(arrival, None)
        self._judge.new_series(arrival, asked.request)
        ahead = outlook(arrival.counts, arrival.judged, asked.request, True, self._switches)
        matched = self._judge.matched(arrival, asked.request)
        completeness = judge_completeness(arrival.row.study_uid, expectations(asked.request), matched, ahead.needed, ended=True)
        return arrival.counts != arrival.row.counted and self._concluder.would_send(arrival, completeness, asked)
