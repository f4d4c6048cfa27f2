"""The end of a pull in the study's document: reported by the plugins, or given back because they did not take it (M14, M15, M27)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..domain import loglines
from ..domain.lifecycle import Event
from ..domain.messages import PullReport, PullRequest
from ..domain.retry import RetryPolicy
from ..domain.study import PULL, WATCH, Pull, Study, iso
from ..ports import Clock, EventLog, StudyStore
from .changing import change, milliseconds


@dataclass
class PullEnds:
    """Ends pulls; repeats follow the retry policy, counted in the document."""

    store: StudyStore
    clock: Clock
    log: EventLog
    retry: RetryPolicy

    def accept_report(self, report: PullReport) -> bool:
        """
        Take the end of a pull into the study's document; a second time changes nothing.

        Returns:
            False when the study is not known here.
        """
        ended: Pull | None = None

        def edit(study: Study) -> bool:
            nonlocal ended
            ended = study.pull if study.pull is not None and study.pull.is_running(report.pull_id) else None
            if ended is not None:
                self._end(study, ended, report)
            return ended is not None

        study = change(self.store, report.study_uid, edit)
        if ended is not None:
            if report.outcome == "failed":
                self.log.line(loglines.MOVE_FAILED)
            moved = [] if report.outcome == "failed" else [(report.study_uid, ended.request.pacs)]
            self.log.line(loglines.move_success(moved))
        return study is not None

    def give_back(self, request: PullRequest, why: str, pause: timedelta | None = None) -> None:
        """
        Take a pull back that the plugins did not start.

        Args:
            request: What was asked.
            why: The reason, for the history.
            pause: Ask again after this, without counting the attempt; None: count it as a failed one.
        """

        def edit(study: Study) -> bool:
            if study.pull is None or not study.pull.is_running(request.pull_id):
                return False
            now = self.clock.now()
            study.pull.status, study.pull.outcome, study.pull.ended_at = "ended", why, iso(now)
            study.schedule(WATCH, None)
            if pause is None:
                self._again(study, why, now)
            else:
                study.attempts -= 1
                study.apply(Event.PULL_AGAIN, why, now)
                study.schedule(PULL, now + milliseconds(pause))
            return True

        change(self.store, request.study_uid, edit)

    def _end(self, study: Study, pull: Pull, report: PullReport) -> None:
        now = self.clock.now()
        pull.status, pull.outcome, pull.ended_at = "ended", report.outcome, iso(now)
        pull.completeness, pull.received = report.completeness, report.received
        pull.job_id, pull.move_seconds = report.job_id, report.move_seconds
        study.schedule(WATCH, None)
        study.remember_series(report.series, now)
        study.note("pull ended", f"{report.outcome} {report.completeness} {report.message}".strip(), now, by="plugins")
        if report.outcome == "nothing_new":
            study.apply(nothing_new_event(study), report.message or report.completeness, now)
            study.forced = False
        elif report.outcome in ("short", "failed"):
            self._again(study, f"{report.outcome}: {report.message or report.completeness}", now)

    def _again(self, study: Study, why: str, now: int) -> None:
        if self.retry.exhausted(study.attempts):
            study.apply(Event.PULL_GIVEN_UP, f"{why}; attempt {study.attempts} was the last", now)
            study.schedule(PULL, None)
            return
        pause = self.retry.pause_after(study.attempts)
        study.apply(Event.PULL_AGAIN, f"{why}; again in {pause}", now)
        study.schedule(PULL, now + milliseconds(pause))


def nothing_new_event(study: Study) -> Event:
    """Where a study that brought nothing better goes back to: to where its last hand-over stands."""
    last = study.last_handover
    if last is None:
        return Event.NOTHING_NEW_UNSUPPORTED
    if last.open:
        return Event.NOTHING_NEW_WAITING
    if last.message_state in ("dead", "lost"):
        return Event.NOTHING_NEW_DEAD
    return Event.NOTHING_NEW_COMPLETED if last.result == "completed" else Event.NOTHING_NEW_UNSUPPORTED
