"""
Reception: change log, journal, filter, completeness, conclusion, end (states:
domain/receive/reception_state.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import PullReport
from pacs_module.domain.receive.completeness import COMPLETE, MORE, Expectations, judge_completeness
from pacs_module.domain.receive.decision import RECEIVED, SHORT_OUTCOME, Asked, expectations
from pacs_module.domain.receive.pace import LONGEST_S, USUAL_S, pace
from pacs_module.domain.receive.reception_state import ReceptionEvent, ReceptionState
from pacs_module.domain.receive.series_reports import series_reports, with_headers, with_late_series
from pacs_module.domain.receive.why_open import OpenReason, WhyOpen
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..hand_over.folder import WrongFiles
from ..journal.give_up import GiveUp, Hopeless
from ..journal.pulls import ENDED, Pull
from ..journal.tables import Tables
from ..runtime.clock import now_ms
from ..runtime.failing_steps import FailingSteps, words_of
from ..runtime.worker import Worker
from .arriving_studies import ArrivingStudies
from .arriving_study import ArrivingStudy
from .conclude import Concluder, Received
from .count_again import CountAgain
from .identify import Identify
from .judge_series import Judge
from .last_image import LastImage
from .readiness import OpenStudy, Readiness

SETTLE_S = 2.0
"""Some PACS send images after the final C-MOVE response."""
QUIET_BEFORE_DELETE_S = 3.0
"""
A study whose images still arrive is not deleted; late ones come within a moment of the job's end, or much
later.
"""
_OPEN_WAKE_S = 0.5


class ReceptionWorker(Worker):
    """
    One thread that sees every study through.

    Args:
        tables: The journal.
        arrivals: What is here.
        judge: The filter.
        identify: Whose images they are.
        concluder: What is done with a received study.
        switches: STABLE_AGE and DELETE_AFTER_SEND.
        log: For events.
        count_again: Asks the PACS once more about a pull that began early.
        on_owed: A message is in the outbox.
        on_deleting: Images are to be deleted.
        answer_wait_s: How much longer than STABLE_AGE a pushed study waits for the answer about what the PACS
            has.
        validate: Takes images that fail validation out, before anything is judged by them.
    """

    def __init__(
        self,
        tables: Tables,
        arrivals: ArrivingStudies,
        judge: Judge,
        identify: Identify,
        concluder: Concluder,
        switches: Switches,
        log: ContractLog,
        count_again: CountAgain,
        on_owed: Callable[[], None] = lambda: None,
        on_deleting: Callable[[], None] = lambda: None,
        answer_wait_s: float = 0.0,
        validate: Callable[[ArrivingStudy], None] = lambda _: None,
    ) -> None:
        super().__init__("reception", log)
        self._tables = tables
        self._arrivals = arrivals
        self._judge = judge
        self._identify = identify
        self._concluder = concluder
        self._count_again = count_again
        self._readiness = Readiness(tables.pulls, judge, identify, count_again, switches)
        self._switches = switches
        self._ended_seen: dict[str, float] = {}
        self._failing = FailingSteps(log)
        self._give_up = GiveUp(tables, switches, log)
        self._answer_wait_s = answer_wait_s
        self._validate = validate
        self._on_owed = on_owed
        self._on_deleting = on_deleting
        self._last_image = LastImage()

    def arrived(self, instance_id: str) -> None:
        """Orthanc has stored an image; called in its thread of events, for each image."""
        self._identify.arrival_counts.note(instance_id)
        self.wake(at_once=self._last_image.came())

    def tell(self, study_uid: str) -> dict[str, object] | None:
        """Where the newest reception of a study stands and what it waits for; None: the journal has none."""
        row = self._tables.receptions.of_study(study_uid, *ReceptionState)
        if row is None:
            return None
        arrival = self._arrivals.get(study_uid)
        why = arrival.why_open if arrival is not None else None
        counts = arrival.counts if arrival is not None else row.counted
        told = {
            "studyUID": study_uid,
            "state": row.state.value,
            "isPush": row.is_push,
            "openedAt": row.opened_at,
        }
        return {**told, "counts": counts, "whyOpen": None if why is None else to_document(why)}

    def begin(self) -> None:
        """After a start: take up what was open."""
        self._arrivals.begin()

    def step(self) -> float:
        """Read the change log and look at every study that is not done."""
        came = self._last_image.count()
        self._arrivals.take_changes()
        for arrival in tuple(self._arrivals.all()):
            arrival.lacks = 0
            self._step_of(arrival)
        self.pace(_pace_of(self._arrivals.all()))
        if self._last_image.lacks(_lacking(self._arrivals.all()), came):
            self.wake(at_once=True)
        for pull in self._tables.pulls.unreported():
            if pull.job_state == ENDED:
                self._end_step(pull)
        return _OPEN_WAKE_S if len(self._arrivals) or self._ended_seen else self.IDLE_S

    def _end_step(self, pull: Pull) -> None:
        study = pull.request.study_uid
        error = self._guarded("end", study, partial(self._end_of_pull, pull))
        if error is not None and self._failing.is_given_up("end", study):
            self._give_up.pull(pull, words_of(error))
            self._failing.succeeded("end", study)
            self._on_owed()

    def _step_of(self, arrival: ArrivingStudy) -> None:
        study = arrival.row.study_uid
        error = self._guarded("look", study, partial(self._look, arrival))
        if error is not None:
            arrival.why_open = WhyOpen(OpenReason.STEP_FAILED, words_of(error), "the same step, repeated")
            self._guarded("drop", study, partial(self._drop_after, error, arrival))
            if self._failing.is_given_up("look", study):
                self._guarded("give up", study, partial(self._gives_up, error, arrival))

    def _drop_after(self, error: Exception, arrival: ArrivingStudy) -> None:
        """Delete the images that made a step fail, to be pulled again."""
        if not isinstance(error, WrongFiles):
            self._concluder.drop_broken(arrival)
            return
        words = (
            "images whose files say something else than Orthanc's index are deleted, to be pulled "
            f"again: {error}"
        )
        self._concluder.drop(arrival, error.images, "wrong_files_deleted", words)

    def _guarded(self, what: str, study_uid: str, work: Callable[[], None]) -> Exception | None:
        """
        One study that cannot be dealt with must not hold up the others, whatever the error is (K8); why it
        could not be.
        """
        try:
            work()
        except Exception as error:
            self._failing.failed(what, study_uid, error)
            return error
        self._failing.succeeded(what, study_uid)
        return None

    def _gives_up(self, error: Exception, arrival: ArrivingStudy) -> None:
        """Its reception fails at every try: its pull ends with the reason, and its images make way."""
        failed = Hopeless(arrival.row, arrival.counts, arrival.instances, words_of(error))
        if self._give_up.reception(failed, self._current(arrival)):
            self._let_go(arrival)
            self._on_owed()
            self._on_deleting()

    def _current(self, arrival: ArrivingStudy) -> Pull | None:
        return self._tables.pulls.current(arrival.row.study_uid)

    # --- judgement ---

    def _look(self, arrival: ArrivingStudy) -> None:
        self._validate(arrival)
        if not arrival.series:
            self._vanished(arrival)
        elif arrival.row.state is ReceptionState.CONCLUDED:
            self._finish(arrival)
        else:
            self._judge_open(arrival)

    def _vanished(self, arrival: ArrivingStudy) -> None:
        self._arrivals.refresh(arrival)
        if not arrival.series:
            self._log.event(
                "study_gone_from_orthanc",
                "a study is gone from Orthanc",
                studyUID=arrival.row.study_uid,
            )
            self._tables.receptions.move(arrival.row, ReceptionEvent.VANISH, now_ms())
            self._let_go(arrival)

    def _judge_open(self, arrival: ArrivingStudy) -> None:
        pull = self._current(arrival)
        asked = self._asked(arrival, pull)
        self._judge.first_look(arrival, asked.request)
        self._judge.look_ahead(arrival)
        expected = expectations(asked.request)
        self._count_again.expected(pull, expected)  # asked while the images still come
        quiet = min(arrival.quiet_for(), self._since_end(pull))
        wait = self._wait_s(pull, expected, arrival)
        ended = quiet >= wait
        arrival.why_open = _still_arriving(pull, quiet, wait)
        if pull is None and not (ended or _is_told_of(arrival, expected)):
            return  # unasked images have no end but quiet, or what the PACS has
        if pull is None and self._awaits_expected(arrival, quiet):
            arrival.why_open = WhyOpen(
                OpenReason.EXPECTED_ASKED, "it came unasked", "what pacs_module says that the PACS has"
            )
            return
        received = self._readiness.received(OpenStudy.of(arrival, asked, pull, ended))
        if received is not None:
            self._conclude(received)

    def _awaits_expected(self, arrival: ArrivingStudy, quiet: float) -> bool:
        """Whether a pushed study still waits for the answer about what the PACS has."""
        unanswered = arrival.row.is_push and arrival.told_now is None
        return unanswered and quiet < self._switches.stable_age + self._answer_wait_s

    def _conclude(self, received: Received) -> None:
        arrival, pull = received.arrival, received.pull
        before = arrival.counts
        if self._has_changed(received):
            return  # judged again with what is here
        reach("filtered")
        outcome = self._concluder.conclude(received, before)
        self._forget_answers(arrival)
        self._failing.came_through()
        if pull is not None:
            self._ended_seen.pop(pull.request.pull_id, None)
        if outcome == SHORT_OUTCOME:
            self._let_go(arrival)
        else:
            arrival.why_open = WhyOpen(
                OpenReason.DELETION, f"concluded: {outcome}", "the end of the pull and a moment of quiet"
            )
        self._on_owed()

    def _forget_answers(self, arrival: ArrivingStudy) -> None:
        self._identify.answers.forget(arrival.row.study_uid)
        self._count_again.forget(arrival.row.study_uid)

    def _let_go(self, arrival: ArrivingStudy) -> None:
        """It needs no more work: nothing of it stays in memory, nor what was asked after its conclusion."""
        self._forget_answers(arrival)
        self._failing.forget(arrival.row.study_uid)
        self._arrivals.drop(arrival)

    def _has_changed(self, received: Received) -> bool:
        """Whether images came or went meanwhile, of those that the decision rests on."""
        arrival, before = received.arrival, received.arrival.counts
        if received.needed is None:
            self._arrivals.journal_changes()
        self._arrivals.refresh(arrival)
        changed = _differing(before, arrival.counts)
        return bool(changed if received.needed is None else changed & received.needed)

    def _asked(self, arrival: ArrivingStudy, pull: Pull | None) -> Asked:
        reception = arrival.row.number
        if pull is not None:
            return Asked(pull.request, pull.request.final, pull.request.forced, reception, pull.error)
        last = self._tables.pulls.last(arrival.row.study_uid)
        if last is not None and last.report is not None and last.report.outcome == SHORT_OUTCOME:
            return Asked(last.request, reception=reception)  # waits for more
        if last is not None and _was_pulled(arrival):
            return Asked(last.request, final=True, reception=reception)  # more came after the conclusion
        told = arrival.told_now
        return Asked(told.request if told is not None else None, final=True, reception=reception)

    def _wait_s(self, pull: Pull | None, expected: Expectations, arrival: ArrivingStudy) -> float:
        if pull is not None and expected.known:
            return SETTLE_S
        if pull is None and _was_pulled(arrival):
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

    def _end_of_pull(self, pull: Pull) -> None:
        """Of one whose moves have ended and that is not reported."""
        if pull.conclusion is not None:
            self._report(pull, pull.conclusion)
        elif pull.request.study_uid not in self._arrivals:
            self._without_arrival(pull)

    def _without_arrival(self, pull: Pull) -> None:
        """
        A pull has ended and brought no image that was noticed: the study may lie here from before, or nothing
        came.
        """
        study = pull.request.study_uid
        before = self._tables.receptions.of_study(study, ReceptionState.SHORT, ReceptionState.RETAINED)
        if before is not None:
            arrival = self._arrivals.open(study, set(before.orthanc_ids))
            if arrival.series:
                return
            self._vanished(arrival)
        if self._tables.receptions.of_study(study, ReceptionState.DELETING):
            return
        if self._since_end(pull) < (SETTLE_S if pull.moves else 0.0):
            return
        expected = expectations(pull.request)
        completeness = judge_completeness(study, expected, {}, frozenset(expected.series), ended=True)
        self._concluder.nothing_came(pull, expected, completeness)
        self._ended_seen.pop(pull.request.pull_id, None)
        self._on_owed()

    def _report(self, pull: Pull, conclusion: PullReport) -> None:
        """The job has ended: the report goes out, with what has come since the study was concluded early."""
        arrival = self._arrivals.get(pull.request.study_uid)
        if arrival is not None and arrival.row.state is ReceptionState.CONCLUDED:
            self._arrivals.refresh(arrival)
            now = self._with_what_came_since(arrival, pull, conclusion)
            if now is None:
                return  # the PACS is being asked
            conclusion = now
            arrival.reported = arrival.counts
        self._tables.pulls.report(pull.request.pull_id, conclusion)
        self._on_owed()

    def _with_what_came_since(
        self, arrival: ArrivingStudy, pull: Pull, conclusion: PullReport
    ) -> PullReport | None:
        """
        An early conclusion as it stands now that the job has ended; None while the PACS is being asked.

        More than was announced, or images in question, give it another verdict: the PACS is asked again.
        """
        study = OpenStudy.of(arrival, self._asked(arrival, pull), pull, ended=True)
        expected = study.expected
        self._judge.first_look(arrival, pull.request)
        found = self._identify(arrival, study.asked, pull, expected, ended=False)
        if not found.clear or self._readiness.completeness(study, found).verdict == MORE:
            received = self._readiness.received(study)
            if received is None:
                return None
            found, expected = received.found, received.expected
            verdict = _verdict_now(received, conclusion.completeness)
            conclusion = replace(conclusion, completeness=verdict, notes=received.notes)
        reports = series_reports(found.provenance.counts, arrival.judged, pull.request, expected)
        series = with_late_series(conclusion.series, with_headers(reports, arrival.judged))
        return replace(conclusion, received=found.provenance.total, series=series)

    def _finish(self, arrival: ArrivingStudy) -> None:
        """Concluded: deleted when neither a pull nor an image is under way any more."""
        pulls = self._tables.pulls.unreported(arrival.row.study_uid)
        if pulls and pulls[0].conclusion is None and (arrival.grew or pulls[0].job_state == ENDED):
            self._again(arrival)
        if pulls or arrival.quiet_for() < QUIET_BEFORE_DELETE_S:
            return
        self._arrivals.journal_changes()
        more = self._has_more(arrival)
        if more is None or not (more or self._told_what_is_late(arrival)):
            return  # the PACS is being asked
        if more:
            self._reopen(arrival)
        elif self._switches.delete_after_send:
            self._doom(arrival)
        else:
            self._tables.receptions.move(arrival.row, ReceptionEvent.RETAIN, now_ms())
            self._let_go(arrival)

    def _reopen(self, arrival: ArrivingStudy) -> None:
        self._log.event(
            "images_after_conclusion",
            "more images came after the study was concluded",
            studyUID=arrival.row.study_uid,
            counts=arrival.counts,
        )
        arrival.row = self._tables.receptions.move(arrival.row, ReceptionEvent.GROW, now_ms())

    def _told_what_is_late(self, arrival: ArrivingStudy) -> bool:
        """
        Images that came after the report make no hand-over: their verdict is told all the same, once. Whether
        it is told; False while the PACS is being asked.
        """
        last = self._tables.pulls.last(arrival.row.study_uid)
        told = arrival.row.counted if arrival.reported is None else arrival.reported
        if last is None or last.report is None or arrival.row.is_push or arrival.counts == told:
            return True
        study = OpenStudy.of(arrival, self._asked(arrival, None), None, ended=True)
        received = self._readiness.received(study)
        if received is None:
            return False
        reports = series_reports(received.counts, arrival.judged, last.request, received.expected)
        series = with_late_series(last.report.series, with_headers(reports, arrival.judged))
        verdict = _verdict_now(received, last.report.completeness)
        self._concluder.tell_late(last.report, series, received, verdict)
        arrival.reported = arrival.counts
        self._on_owed()
        return True

    def _doom(self, arrival: ArrivingStudy) -> None:
        study = arrival.row.study_uid
        with self._tables.journal.transaction():
            if self._tables.pulls.unreported(study):
                return  # asked for in this moment; a pull that is asked for later waits for the deletion
            self._tables.receptions.delete(arrival.row, arrival.instances, now_ms())
        reach("doomed")
        self._identify.arrival_counts.forget(arrival.instances)
        self._let_go(arrival)
        self._on_deleting()

    def _again(self, arrival: ArrivingStudy) -> None:
        """A new pull of a study that is still here: a reception of its own, the old one ends."""
        again = self._arrivals.open(arrival.row.study_uid, set(arrival.row.orthanc_ids))
        again.last_image = arrival.last_image

    def _has_more(self, arrival: ArrivingStudy) -> bool | None:
        """
        Whether what came after the conclusion makes another hand-over; None while that is an open question.
        """
        if arrival.counts == arrival.row.counted:
            return False
        asked = self._asked(arrival, None)
        self._judge.first_look(arrival, asked.request)
        received = self._readiness.received(OpenStudy.of(arrival, asked, None, ended=True))
        return None if received is None else self._concluder.decide(received).outcome == RECEIVED


def _was_pulled(arrival: ArrivingStudy) -> bool:
    """Whether images here were pulled and concluded before; what comes now are stragglers, or more."""
    return bool(arrival.row.counted) and not arrival.row.is_push


def _differing(before: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """Series with another number of images."""
    return {uid for uid in now.keys() | before.keys() if now.get(uid) != before.get(uid)}


def _is_told_of(arrival: ArrivingStudy, expected: Expectations) -> bool:
    """Whether it is known what the PACS has of a study that came unasked, and has stayed the same."""
    told = arrival.told_now
    return told is not None and told.settled and expected.known


def _verdict_now(received: Received, before: str) -> str:
    """
    The verdict on a study of which images came after its conclusion: more than were announced, or all that
    the PACS has now. Images that went since take nothing back.
    """
    now = received.completeness
    return now.words if now.verdict in (MORE, COMPLETE) else before


def _still_arriving(pull: Pull | None, quiet: float, wait: float) -> WhyOpen:
    """What an open study waits for as long as nothing else is known."""
    if pull is None:
        words = f"no image for {max(quiet, 0):.0f} of {wait:g} s"
        return WhyOpen(OpenReason.QUIET, words, "quiet, because nobody says when it ends")
    if pull.job_state != ENDED:
        return WhyOpen(
            OpenReason.PULL_RUNS, f"pull {pull.request.pull_id} from {pull.request.pacs} runs", "its end"
        )
    words = f"the move has ended; {max(quiet, 0):.0f} of {wait:g} s without an image"
    return WhyOpen(OpenReason.SETTLING, words, "images that come after the final response")


def _lacking(arrivals: Iterable[ArrivingStudy]) -> int:
    """Images that the only open study lacks; 0: not known, or several are open."""
    still_open = [one.lacks for one in arrivals if one.row.state is ReceptionState.OPEN]
    return still_open[0] if len(still_open) == 1 else 0


def _pace_of(arrivals: Iterable[ArrivingStudy]) -> float:
    """Seconds to the next step: that of the study which may be whole first."""
    return min(
        (
            pace(one.lacks, one.quiet_for()) if one.row.state is ReceptionState.OPEN else LONGEST_S
            for one in arrivals
        ),
        default=USUAL_S,
    )
