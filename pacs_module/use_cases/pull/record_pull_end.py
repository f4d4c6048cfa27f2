"""The end of a pull in the study's document: reported by the plugins, or given back because they refused it (M14, M15, M27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ...domain.explain import loglines
from ...domain.instants import iso, milliseconds
from ...domain.retry import RetryPolicy
from ...domain.study.history import NO_ROOM, HistoryEntry, Note
from ...domain.study.lifecycle import BY_HAND, Event, State
from ...domain.study.message_state import GIVEN_UP
from ...domain.study.study import PULL, WATCH, Pull, Study
from ...domain.wire.messages import PullReport, PullRequest
from ...domain.wire.pull_failure import FailureKind
from ...ports import Clock, EventLog, StudyStore
from ..update_study import change

NOTIFICATION_WAIT = timedelta(minutes=10)
"""How long after the report of a pull its notification may come; they are sent in order, so it is there as a rule."""


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

    def give_back(self, request: PullRequest, why: str) -> None:
        """Take a pull back that the plugins refused: it counts as a failed one."""

        def edit(study: Study, pull: Pull) -> None:
            now = self.clock.now()
            pull.status, pull.outcome, pull.ended_at = "ended", "failed", iso(now)
            self._again(study, pull, why, now)

        self._edit_running(request, edit)

    def too_large(self, request: PullRequest, why: str) -> None:
        """Take a pull back that needs more than the whole RAM disk: asking again would go on for ever, and help nobody."""

        def edit(study: Study, pull: Pull) -> None:
            now = self.clock.now()
            pull.status, pull.outcome, pull.ended_at = "ended", "failed", iso(now)
            if study.state is State.PULL_DATA:
                self._give_up(study, why, now)

        self._edit_running(request, edit)

    def no_room(self, request: PullRequest, why: str, pause: timedelta) -> None:
        """Take a pull back that the RAM disk has no room for: asked again after the pause, and no attempt is counted."""

        def edit(study: Study, pull: Pull) -> None:
            now = self.clock.now()
            study.attempts = max(0, study.attempts - 1)
            study.pull, study.pulls = (study.pulls[-1] if study.pulls else None), study.pulls[:-1]
            study.history = _without_the_asking(study.history)
            if study.state is State.PULL_DATA:
                study.apply(Event.PULL_AGAIN, f"no room on the RAM disk: {why}", now, kind=NO_ROOM)
                study.schedule(PULL, now + milliseconds(pause))

        self._edit_running(request, edit)

    def notification_missing(self, study_uid: str) -> None:
        """The report of a pull said that a notification was sent, and none has come for a long time: pulled again."""

        def edit(study: Study) -> bool:
            if study.pull is not None and study.pull.status == "asked":
                return False
            study.schedule(WATCH, None)
            if study.pull is not None and study.state is State.PULL_DATA:
                study.forced = True
                self._repeat(study, f"{study.pull.outcome}, but no notification came", self.clock.now())
            return True

        change(self.store, study_uid, edit)

    def _edit_running(self, request: PullRequest, edit: Callable[[Study, Pull], None]) -> None:
        def edit_study(study: Study) -> bool:
            if study.pull is None or not study.pull.is_running(request.pull_id):
                return False
            study.schedule(WATCH, None)
            edit(study, study.pull)
            return True

        change(self.store, request.study_uid, edit_study)

    def _end(self, study: Study, pull: Pull, report: PullReport) -> None:
        now = self.clock.now()
        pull.status, pull.outcome, pull.ended_at = "ended", report.outcome, iso(now)
        pull.completeness, pull.received = report.completeness, report.received
        pull.job_id, pull.move_seconds = report.job_id, report.move_seconds
        study.schedule(WATCH, None)
        study.remember_series(report.series, now)
        study.note(Note.PULL_ENDED, f"{report.outcome} {report.completeness} {report.message}".strip(), now, by="plugins")
        if report.outcome == "nothing_new":
            self._nothing_new(study, pull, report.message or report.completeness, now)
        elif report.failure is not None and report.failure.kind is FailureKind.POISON:
            # Orthanc died of it: a person may ask for it again, the round must not.
            if study.state is State.PULL_DATA:
                self._give_up(study, f"set aside: {report.message}", now)
        elif report.outcome in ("short", "failed"):
            self._again(study, pull, f"{report.outcome}: {report.message or report.completeness}", now)
        elif study.state is State.PULL_DATA:
            study.schedule(WATCH, now + milliseconds(NOTIFICATION_WAIT))
        else:
            pull_what_was_asked_meanwhile(study, now)

    def _nothing_new(self, study: Study, pull: Pull, why: str, now: int) -> None:
        if study.state is State.META_ONLY or study.state in BY_HAND:
            return  # it grew or was asked for meanwhile: its next pull is on the way; or a person has closed it
        if not study.handovers and not pull.request.forced and study.state is State.PULL_DATA:
            # Nothing new to the plugins, and never seen here: this store has lost it. No verdict was ever made on it.
            study.forced = True
            study.apply(Event.PULL_AGAIN, f"{why}; handed over before, but this store does not know it: asked anew", now)
            study.pull_now(now)
            return
        if study.satisfied_by(pull.request, handed_over=False):
            study.apply(nothing_new_event(study), why, now)
            study.forget_wish()
        elif study.state is State.PULL_DATA:
            study.apply(Event.PULL_AGAIN, f"{why}; asked for while it ran", now)
            study.pull_now(now)
        else:
            pull_what_was_asked_meanwhile(study, now)

    def _again(self, study: Study, pull: Pull, why: str, now: int) -> None:
        if study.state is not State.PULL_DATA:
            return  # its images were handed over, or its next pull is on the way
        if study.satisfied_by(pull.request, handed_over=False):
            self._repeat(study, why, now)
            return
        study.apply(Event.PULL_AGAIN, f"{why}; asked for while it ran", now)
        study.pull_now(now)

    def _repeat(self, study: Study, why: str, now: int) -> None:
        if self.retry.exhausted(study.attempts):
            self._give_up(study, f"{why}; attempt {study.attempts} was the last", now)
            return
        pause = self.retry.pause_after(study.attempts)
        study.apply(Event.PULL_AGAIN, f"{why}; again in {pause}", now)
        study.schedule(PULL, now + milliseconds(pause))

    def _give_up(self, study: Study, why: str, now: int) -> None:
        """What was handed over before goes on: its result, or the loss of its files, decides."""
        last = study.last_handover
        event = Event.NOTHING_NEW_WAITING if last is not None and last.open else Event.PULL_GIVEN_UP
        study.apply(event, why, now)
        study.schedule(PULL, None)


def pull_what_was_asked_meanwhile(study: Study, now: int) -> None:
    """A pull has ended and its study is settled: a wish that came while it ran, and was not in it, is pulled now."""
    if study.pull is None or study.pull.status == "asked" or not (study.forced or study.named):
        return
    study.apply(Event.MANUAL, "asked for while the last pull ran", now)
    study.pull_now(now)


def _without_the_asking(history: list[HistoryEntry]) -> list[HistoryEntry]:
    """Without the last "pull asked", and without an earlier word about missing room: hours without room leave one line."""
    asked = max((place for place, entry in enumerate(history) if entry.tells(Event.PULL_ASKED)), default=None)
    kept = [entry for place, entry in enumerate(history) if place != asked]
    return kept[:-1] if kept and kept[-1].kind == NO_ROOM else kept


def nothing_new_event(study: Study) -> Event:
    """Where a study that brought nothing better goes back to: to where its last hand-over stands."""
    last = study.last_handover
    if last is None:
        return Event.NOTHING_NEW_UNSUPPORTED
    if last.open:
        return Event.NOTHING_NEW_WAITING
    if last.message_state in GIVEN_UP:
        return Event.NOTHING_NEW_DEAD
    return Event.NOTHING_NEW_COMPLETED if last.result == "completed" else Event.NOTHING_NEW_UNSUPPORTED
