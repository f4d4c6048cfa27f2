"""
The end of a pull in the study's document: reported by the plugins, or given back because they refused it
(M14, M15, M27).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ...domain.dicom.attributes import Sighting
from ...domain.explain import loglines
from ...domain.find.vanished import present_at
from ...domain.instants import milliseconds
from ...domain.json_messages.messages import PullReport, PullRequest
from ...domain.json_messages.pull_failure import FailureKind
from ...domain.pull.failure_blame import Blame, Blames, failure_of
from ...domain.pull.move_circuit import MoveCircuit
from ...domain.receive.completeness import UNVERIFIED
from ...domain.retry import RetryPolicy
from ...domain.study.history import NO_ROOM, PATH_BLAMED, RECEIVER_AWAY, HistoryEntry, Note
from ...domain.study.lifecycle import BY_HAND, Event, State
from ...domain.study.message_state import GIVEN_UP
from ...domain.study.pull_state import BROUGHT, TO_REPEAT, Charge, PullOutcome
from ...domain.study.study import PULL, WATCH, Pull, Study
from ...ports import Clock, EventLog, StudyStore
from ..rehearse.record_headers import RecordHeaders
from ..update_study import update_study
from ..upload import other_series
from .move_circuits import MoveCircuits

NOTIFICATION_WAIT = timedelta(minutes=10)
"""
How long after the report of a pull its notification may come; they are sent in order, so it is there as a
rule.
"""


@dataclass(frozen=True)
class PullEnd:
    """
    The end of a pull, judged.

    ``blame``: whose fault its failure is, None without one. ``came``: whether images of it came, so that the
    path works;
    ``after``: the path after a failure.
    """

    report: PullReport
    pacs: str
    blame: Blame | None
    charge: Charge
    came: bool
    after: MoveCircuit | None = None

    @property
    def is_half(self) -> bool:
        """Whether it was handed over although its job failed, and nobody could count the images."""
        report = self.report
        return (
            report.outcome == PullOutcome.RECEIVED
            and report.failure is not None
            and report.completeness == UNVERIFIED
        )


@dataclass
class RecordPullEnd:
    """
    Ends pulls; repeats follow the retry policy, counted in the document.

    A study is charged with an attempt only for what is not the fault of the path to its PACS and back (K4).
    """

    store: StudyStore
    clock: Clock
    log: EventLog
    retry: RetryPolicy
    paths: MoveCircuits
    headers: RecordHeaders | None = None
    went_on: Callable[[str, Study], None] = lambda pacs, study: None
    """Told of a study whose series went on while they were pulled: it is counted on, at this PACS."""
    count_on: timedelta = timedelta(minutes=10)
    """
    After this a study whose series went on while it was pulled is pulled all the same, when no find counts
    it.
    """

    def accept_report(self, report: PullReport) -> bool:
        """
        Take the end of a pull into the study's document; a second time changes nothing.

        Returns:
            False when the study is not known here.
        """
        ended: PullEnd | None = None

        def edit(study: Study) -> bool:
            nonlocal ended
            ended = self._take(study, report)
            return ended is not None or not report.pull_id

        study = update_study(self.store, report.study_uid, edit)
        if ended is not None:
            self._tell(ended)
            self._learn(ended)
            if study is not None and study.is_counted:
                self.went_on(ended.pacs, study)
        if study is not None and self.headers is not None:
            self.headers.reported(study, report.series)  # again at a repeated report, which changes nothing
        return study is not None

    def _take(self, study: Study, report: PullReport) -> PullEnd | None:
        """End the pull that the report is of; None: it does not run (any more)."""
        pull = study.pull
        if pull is not None and pull.is_running(report.pull_id):
            ended = self._judged(study, pull, report)
            self._end(study, pull, ended)
            return ended
        if not report.pull_id:  # of images that came unasked, or after the report of their pull
            study.remember_series(report.series, self.clock.now())
            _correct_the_end(study, report, self.clock.now())
            if report.failure is not None:
                _note_once(study, report.message, self.clock.now())
        return None

    def give_back(self, request: PullRequest, why: str) -> None:
        """
        Take a pull back that the plugins refused: it counts as a failed one, unless the path is at fault.
        """
        ended: PullEnd | None = None

        def edit(study: Study, pull: Pull) -> None:
            nonlocal ended
            ended = self._refused(study, pull, request, why)

        self._edit_running(request, edit)
        if ended is not None:
            self._learn(ended)

    def _refused(self, study: Study, pull: Pull, request: PullRequest, why: str) -> PullEnd:
        report = PullReport("", request.pull_id, request.study_uid, PullOutcome.FAILED.value, message=why)
        ended = self._judged(study, pull, report)
        pull.failure = failure_of(report)
        pull.end(PullOutcome.FAILED, self.clock.now())
        self._again(study, pull, ended, why)
        return ended

    def too_large(self, request: PullRequest, why: str) -> None:
        """
        Take a pull back that needs more than the whole RAM disk: asking again would go on for ever, and help
        nobody.
        """

        def edit(study: Study, pull: Pull) -> None:
            now = self.clock.now()
            pull.end(PullOutcome.FAILED, now)
            if study.state is State.PULL_DATA:
                self.give_up(study, why, now)

        self._edit_running(request, edit)

    def no_room(self, request: PullRequest, why: str, pause: timedelta) -> None:
        """
        Take a pull back that the RAM disk has no room for: asked again after the pause, and no attempt is
        counted.
        """
        self._not_taken(request, f"no room on the RAM disk: {why}", NO_ROOM, pause)

    def elsewhere(self, request: PullRequest, why: str) -> None:
        """
        Take a pull back that its receiver has never taken: another one is asked at once, and no attempt is
        counted.
        """
        words = f"not taken by the receiver {request.receiver}: {why}"
        self._not_taken(request, words, RECEIVER_AWAY, timedelta(0))

    def _not_taken(self, request: PullRequest, words: str, kind: str, pause: timedelta) -> None:
        def edit(study: Study, pull: Pull) -> None:
            _forget_the_asking(study)
            if study.state is State.PULL_DATA:
                now = self.clock.now()
                study.apply(Event.PULL_AGAIN, words, now, kind=kind)
                study.schedule(PULL, now + milliseconds(pause))

        self._edit_running(request, edit)

    def left(self, request: PullRequest, why: str) -> None:
        """
        Take a pull away from a receiver that does not answer any more: the same is asked of another one.

        What it has may still come: it is taken for the same wish (``domain/study/second_receiver.py``).
        """

        def edit(study: Study, pull: Pull) -> None:
            _leave(study, pull, why, self.clock.now())

        self._edit_running(request, edit)

    def notification_missing(self, study_uid: str) -> None:
        """
        The report of a pull said that a notification was sent, and none has come for a long time: pulled
        again.
        """

        def edit(study: Study) -> bool:
            if study.pull is not None and study.pull.running:
                return False
            study.schedule(WATCH, None)
            if study.pull is not None and study.state is State.PULL_DATA:
                study.forced = True
                self._repeat(study, f"{study.pull.outcome}, but no notification came", self.clock.now())
            return True

        update_study(self.store, study_uid, edit)

    def _edit_running(self, request: PullRequest, edit: Callable[[Study, Pull], None]) -> None:
        def edit_study(study: Study) -> bool:
            if study.pull is None or not study.pull.is_running(request.pull_id):
                return False
            study.schedule(WATCH, None)
            edit(study, study.pull)
            return True

        update_study(self.store, request.study_uid, edit_study)

    def _judged(self, study: Study, pull: Pull, report: PullReport) -> PullEnd:
        """Say whose fault the end of a pull is, and whether its study is charged; nothing is changed."""
        pacs, failure = pull.request.pacs, failure_of(report)
        new, brought = _new_images(study, report), report.outcome in BROUGHT
        if failure is None:
            return PullEnd(report, pacs, None, Charge.CHARGED, came=brought or new > 0)
        blame = self.paths.judge(pacs, failure, new, pull.request.receiver)
        if brought:
            return PullEnd(report, pacs, blame, Charge.CHARGED, came=new > 0)
        charge, after = self._charge(study, pacs, blame)
        return PullEnd(report, pacs, blame, charge, came=new > 0, after=after)

    def _charge(self, study: Study, pacs: str, blame: Blame) -> tuple[Charge, MoveCircuit]:
        """Whether the study pays for it, and what the failure makes of the path."""
        path = self.paths.of(pacs)
        charge = path.charge(study.study_uid, blame)
        return charge, path.failed(study.study_uid, blame, self.clock.now(), self.paths.policy)

    def _tell(self, ended: PullEnd) -> None:
        report = ended.report
        failed = report.outcome == PullOutcome.FAILED
        if failed:
            self.log.line(loglines.MOVE_FAILED)
        self.log.line(loglines.move_success([] if failed else [(report.study_uid, ended.pacs)]))

    def _learn(self, ended: PullEnd) -> None:
        """What the end of this pull says of the path, for the studies that follow."""
        if ended.came:
            self.paths.came_through(ended.pacs, ended.report.study_uid)
        elif ended.blame is not None and ended.report.outcome in TO_REPEAT:
            self.paths.failed(ended.pacs, ended.report.study_uid, ended.blame)

    def _end(self, study: Study, pull: Pull, ended: PullEnd) -> None:
        now, report = self.clock.now(), ended.report
        pull.end(PullOutcome(report.outcome), now)
        pull.completeness, pull.received = report.completeness, report.received
        pull.job_id, pull.move_seconds, pull.failure = report.job_id, report.move_seconds, failure_of(report)
        study.schedule(WATCH, None)
        if not pull.request.for_destinations:
            study.remember_series(report.series, now)
        _note_end(study, report, now)
        self._go_on(study, pull, ended, now)

    def _go_on(self, study: Study, pull: Pull, ended: PullEnd, now: int) -> None:
        """What follows from how it ended."""
        report = ended.report
        if pull.outcome is PullOutcome.NOTHING_NEW:
            self._nothing_new(study, pull, report, now)
        elif _is_poison(report):
            # Orthanc died of it: a person may ask for it again, the round must not.
            if study.state is State.PULL_DATA:
                self.give_up(study, f"set aside: {report.message}", now)
        elif pull.outcome in TO_REPEAT:
            self._again(study, pull, ended, f"{report.outcome}: {report.message or report.completeness}")
        else:
            self._brought(study, pull, ended, now)

    def _brought(self, study: Study, pull: Pull, ended: PullEnd, now: int) -> None:
        if ended.is_half and self._pulled_on(study, pull, ended, now):
            return
        if study.state is State.PULL_DATA:
            study.schedule(WATCH, now + milliseconds(NOTIFICATION_WAIT))
        else:
            pull_what_was_asked_meanwhile(study, now)

    def _pulled_on(self, study: Study, pull: Pull, ended: PullEnd, now: int) -> bool:
        """
        Pull again what was handed over although its C-MOVE failed and nobody could count it (K13).

        Bounded like every repeat: the last attempt's images are all that will come.
        """
        if (
            pull.request.final
            or self.retry.exhausted(study.attempts)
            or study.state is not State.PULL_DATA_END
        ):
            return False
        pause = self.retry.pause_after(study.attempts)
        words = ended.blame.told if ended.blame else "its C-MOVE failed"
        study.apply(Event.GREW, f"received, but not known to be whole: {words}; again in {pause}", now)
        study.schedule(PULL, now + milliseconds(pause))
        return True

    def _nothing_new(self, study: Study, pull: Pull, report: PullReport, now: int) -> None:
        why = report.message or report.completeness
        if study.state is State.META_ONLY or study.state in BY_HAND:
            # it grew or was asked for meanwhile: its next pull is on the way; or a person has closed it
            return
        if _is_lost_here(study, report) and not pull.request.forced and study.state is State.PULL_DATA:
            _ask_for_lost(study, why, now)
        elif study.satisfied_by(pull.request, handed_over=False):
            study.apply(nothing_new_event(study), why, now)
            study.forget_wish()
            other_series.grown(study, now)
        elif study.state is State.PULL_DATA:
            _pull_again(study, f"{why}; asked for while it ran", now)
        else:
            pull_what_was_asked_meanwhile(study, now)

    def _again(self, study: Study, pull: Pull, ended: PullEnd, why: str) -> None:
        if study.state is not State.PULL_DATA:
            return  # its images were handed over, or its next pull is on the way
        now = self.clock.now()
        if pull.went_on and not study.went_on_before:
            self._counted_on(study, pull, ended, now)
        elif ended.charge is not Charge.CHARGED:
            self._uncharged(study, pull, ended, now)
        elif study.satisfied_by(pull.request, handed_over=False):
            self._repeat(study, why, now)
        else:
            study.apply(Event.PULL_AGAIN, f"{why}; asked for while it ran", now)
            study.pull_now(now)

    def _counted_on(self, study: Study, pull: Pull, ended: PullEnd, now: int) -> None:
        """
        Its pull began when its series had stopped growing, and they went on: counted on, as if nothing had
        been decided. Nothing has failed, so that no attempt is counted; a second time in a row one is.
        """
        study.attempts = max(0, study.attempts - 1)
        words = f"its series went on while they were pulled: {ended.report.completeness}; counted on"
        study.apply(Event.PULL_AGAIN, words, now)
        study.sightings = [Sighting(now, ended.pacs, study.pacs[ended.pacs].count)]
        study.schedule(PULL, now + milliseconds(self.count_on))

    def _uncharged(self, study: Study, pull: Pull, ended: PullEnd, now: int) -> None:
        """Pull again without a charge: hours of a broken path leave one pull and one line in the history."""
        assert ended.blame is not None, "without a blame a pull is charged"  # noqa: S101
        study.attempts = max(0, study.attempts - 1)
        pull.charge, pull.blamed = ended.charge, ended.blame.told
        _forget_the_same_blame(study, pull)
        mirror_has_it = self._mirror_has_it(study, ended.pacs)
        pause = timedelta(0) if mirror_has_it else self._pause(ended, now, study.attempts + 1)
        words = f"{pull.blamed}; not counted as an attempt; again in {pause}"
        study.apply(Event.PULL_AGAIN, words, now, kind=PATH_BLAMED)
        study.schedule(PULL, now + milliseconds(pause))

    def _pause(self, ended: PullEnd, now: int, attempt: int) -> timedelta:
        """Until the next probe of the path; where the path is still closed, as after any failure."""
        if ended.after is None or ended.after.closed:
            return self.retry.pause_after(attempt)
        suspect = ended.blame is not None and ended.blame.blames is not Blames.PATH
        return ended.after.pause(now, suspect)

    def _mirror_has_it(self, study: Study, pacs: str) -> bool:
        """Say whether the study can be moved from another PACS meanwhile."""
        return any(name != pacs and self.paths.of(name).closed for name in present_at(study))

    def _repeat(self, study: Study, why: str, now: int) -> None:
        if self.retry.exhausted(study.attempts):
            self.give_up(study, f"{why}; attempt {study.attempts} was the last", now)
            return
        pause = self.retry.pause_after(study.attempts)
        study.apply(Event.PULL_AGAIN, f"{why}; again in {pause}", now)
        study.schedule(PULL, now + milliseconds(pause))

    def give_up(self, study: Study, why: str, now: int) -> None:
        """What was handed over before goes on: its result, or the loss of its files, decides."""
        wanted_by = study.pull.request.for_destinations if study.pull is not None else ()
        if wanted_by and not study.forced and not study.named:
            other_series.not_pulled(study, wanted_by, why, now)
            study.apply(nothing_new_event(study), f"other series not pulled: {why}", now)
            study.schedule(PULL, None)
            return
        last = study.last_handover
        event = Event.NOTHING_NEW_WAITING if last is not None and last.open else Event.PULL_GIVEN_UP
        study.apply(event, why, now)
        study.schedule(PULL, None)


def _new_images(study: Study, report: PullReport) -> int:
    """
    How many images this pull brought: the report counts those too that lay in Orthanc from the pull before.
    """
    before = (study.pulls[-1].received or 0) if study.pulls else 0
    return report.received - before if report.received >= before else report.received


def pull_what_was_asked_meanwhile(study: Study, now: int) -> None:
    """
    A pull has ended and its study is settled: a wish that came while it ran, and was not in it, is pulled
    now.
    """
    if study.pull is None or study.pull.running or not (study.forced or study.named):
        return
    study.apply(Event.MANUAL, "asked for while the last pull ran", now)
    study.pull_now(now)


def _is_lost_here(study: Study, report: PullReport) -> bool:
    """Whether the plugins speak of a hand-over that this store does not know."""
    if not study.handovers:
        return True
    return bool(report.handover_id) and study.handover(report.handover_id) is None


def _without_the_asking(history: list[HistoryEntry]) -> list[HistoryEntry]:
    """
    Without the last "pull asked", and without an earlier word about missing room: hours without room leave
    one line.
    """
    asked = max((place for place, entry in enumerate(history) if entry.tells(Event.PULL_ASKED)), default=None)
    kept = [entry for place, entry in enumerate(history) if place != asked]
    return kept[:-1] if kept and kept[-1].kind == NO_ROOM else kept


def _note_end(study: Study, report: PullReport, now: int) -> None:
    words = f"{report.outcome} {report.completeness} {report.message}".strip()
    study.note(Note.PULL_ENDED, words, now, by="plugins")
    for told in report.notes:
        study.note(Note.IMAGES, told.words, now, by="plugins")


def _correct_the_end(study: Study, report: PullReport, now: int) -> None:
    """What came after the report of a pull belongs to it: it may be more than the PACS announced (K1)."""
    pull = study.pull
    if pull is None or pull.running or pull.request.pull_id != report.after_pull:
        return
    pull.completeness, pull.received = report.completeness, report.received
    for told in report.notes:
        _note_once(study, told.words, now)


def _note_once(study: Study, words: str, now: int) -> None:
    if all(entry.why != words for entry in study.history):
        study.note(Note.IMAGES, words, now, by="plugins")


def _without_the_repeat(history: list[HistoryEntry]) -> list[HistoryEntry]:
    """Without the lines of the uncharged pull before the last one: asked, ended, to be repeated."""
    repeated = max((place for place, entry in enumerate(history) if entry.kind == PATH_BLAMED), default=None)
    if repeated is None:
        return history
    begin = repeated
    while begin > 0 and history[begin - 1].tells(Event.PULL_ASKED, Note.PULL_ENDED):
        begin -= 1
    return [*history[:begin], *history[repeated + 1 :]]


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


def _pull_again(study: Study, why: str, now: int) -> None:
    study.apply(Event.PULL_AGAIN, why, now)
    study.pull_now(now)


def _forget_the_asking(study: Study) -> None:
    """A pull that never ran leaves no trace and costs no attempt."""
    study.attempts = max(0, study.attempts - 1)
    study.pull, study.pulls = (study.pulls[-1] if study.pulls else None), study.pulls[:-1]
    study.history = _without_the_asking(study.history)


def _forget_the_same_blame(study: Study, pull: Pull) -> None:
    """The pull before failed in the same way, uncharged: this one stands for both."""
    earlier = study.pulls[-1] if study.pulls else None
    if earlier is not None and earlier.charge is not Charge.CHARGED and earlier.blamed == pull.blamed:
        study.pulls = study.pulls[:-1]
        study.history = _without_the_repeat(study.history)


def _leave(study: Study, pull: Pull, why: str, now: int) -> None:
    """End a pull whose receiver is away without a charge; the next one is due at once."""
    study.attempts = max(0, study.attempts - 1)
    pull.left, pull.charge, pull.blamed = True, Charge.NOT_CHARGED, why
    pull.end(PullOutcome.FAILED, now)
    if study.state is State.PULL_DATA:
        study.apply(Event.PULL_AGAIN, f"{why}; asked for at another one", now, kind=RECEIVER_AWAY)
        study.schedule(PULL, now)


def _is_poison(report: PullReport) -> bool:
    return report.failure is not None and report.failure.kind is FailureKind.POISON


def _ask_for_lost(study: Study, why: str, now: int) -> None:
    """
    Nothing new to the plugins, and never seen here: this store has lost it, or is an older copy of itself.

    No verdict was ever made on it.
    """
    study.forced = True
    _pull_again(study, f"{why}; handed over before, but this store does not know it: asked anew", now)
