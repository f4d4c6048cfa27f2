"""
Reception: change log, journal, filter, completeness, conclusion, end (states:
domain/receive/reception_state.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pacs_module.domain.errors import PipelineError
from pacs_module.domain.receive.completeness import (
    COMPLETE,
    GROWING,
    MORE,
    UNVERIFIED,
    Completeness,
    Expectations,
    judge_completeness,
)
from pacs_module.domain.receive.decision import (
    RECEIVED,
    SHORT_OUTCOME,
    Asked,
    expectations,
    needed_series_of,
    series_reports,
    updated,
    with_headers,
    with_late_series,
)
from pacs_module.domain.receive.pace import LONGEST_S, USUAL_S, pace
from pacs_module.domain.receive.provenance import Provenance, missing_of
from pacs_module.domain.receive.reception_state import ReceptionEvent, ReceptionState
from pacs_module.domain.receive.why_open import OpenReason, WhyOpen
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.wire.documents import to_document
from pacs_module.domain.wire.messages import PullReport, PullRequest
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..hand_over.folder import WrongFiles
from ..journal.pulls import ENDED, Pull
from ..journal.tables import Tables
from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from .arriving_studies import ArrivingStudies
from .arriving_study import ArrivingStudy
from .conclude import Concluder, Received
from .identify import Identified, Identify
from .judge import Judge

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
        on_owed: A message is in the outbox.
        on_deleting: Images are to be deleted.
        answer_wait_s: How much longer than STABLE_AGE a pushed study waits for the answer about what the PACS
            has.
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
        on_owed: Callable[[], None] = lambda: None,
        on_deleting: Callable[[], None] = lambda: None,
        answer_wait_s: float = 0.0,
    ) -> None:
        super().__init__("reception", log)
        self._tables = tables
        self._arrivals = arrivals
        self._judge = judge
        self._identify = identify
        self._concluder = concluder
        self._switches = switches
        self._ended_seen: dict[str, float] = {}
        self._answer_wait_s = answer_wait_s
        self._on_owed = on_owed
        self._on_deleting = on_deleting

    def arrived(self, instance_id: str) -> None:
        """Orthanc has stored an image; called in its thread of events, for each image."""
        self._identify.arrival_counts.note(instance_id)
        self.wake()

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
        self._arrivals.take_changes()
        for arrival in tuple(self._arrivals.all()):
            arrival.lacks = 0
            self._step_of(arrival)
        self.pace(_pace_of(self._arrivals.all()))
        for pull in self._tables.pulls.unreported():
            if pull.job_state == ENDED and pull.conclusion is not None:
                self._guarded(pull.request.study_uid, lambda pull=pull: self._report(pull, pull.conclusion))  # type: ignore[misc]
            elif pull.job_state == ENDED and pull.request.study_uid not in self._arrivals:
                self._guarded(pull.request.study_uid, lambda pull=pull: self._without_arrival(pull))  # type: ignore[misc]
        return _OPEN_WAKE_S if len(self._arrivals) or self._ended_seen else self.IDLE_S

    def _step_of(self, arrival: ArrivingStudy) -> None:
        error = self._guarded(arrival.row.study_uid, lambda: self._look(arrival))
        if error is None:
            return
        arrival.why_open = WhyOpen(OpenReason.STEP_FAILED, str(error), "the same step, repeated")
        if isinstance(error, WrongFiles):
            words = (
                "images whose files say something else than Orthanc's index are deleted, to be pulled "
                f"again: {error}"
            )
            drop = lambda: self._concluder.drop(arrival, error.images, "wrong_files_deleted", words)  # noqa: E731
        else:
            drop = lambda: self._concluder.drop_broken(arrival)  # noqa: E731
        self._guarded(arrival.row.study_uid, drop)

    def _guarded(self, study_uid: str, work: Callable[[], None]) -> Exception | None:
        """One study that cannot be dealt with must not hold up the others; why it could not be."""
        try:
            work()
        except (PipelineError, OSError) as error:  # OSError: the disk is full
            self._log.event(
                "reception_step_failed", "a study will be looked at again",
                level="WARNING", studyUID=study_uid, error=str(error),
            )  # fmt: skip
            return error
        return None

    # --- judgement ---

    def _look(self, arrival: ArrivingStudy) -> None:
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
            self._arrivals.drop(arrival)

    def _judge_open(self, arrival: ArrivingStudy) -> None:
        pull = self._tables.pulls.current(arrival.row.study_uid)
        asked = self._asked(arrival, pull)
        self._judge.first_look(arrival, asked.request)
        self._judge.look_ahead(arrival)
        expected = expectations(asked.request)
        quiet = min(arrival.quiet_for(), self._since_end(pull))
        wait = self._wait_s(pull, expected, arrival)
        ended = quiet >= wait
        arrival.why_open = _still_arriving(pull, quiet, wait)
        told = arrival.told_now
        if pull is None and not ended and not (told is not None and told.settled and expected.known):
            return  # unasked images have no end but quiet, or what the PACS has
        if (
            pull is None
            and arrival.row.is_push
            and told is None
            and quiet < self._switches.stable_age + self._answer_wait_s
        ):
            arrival.why_open = WhyOpen(
                OpenReason.EXPECTED_ASKED, "it came unasked", "what pacs_module says that the PACS has"
            )
            return
        received = self._received(arrival, asked, pull, ended)
        if received is not None:
            self._conclude(received)

    def _received(
        self, arrival: ArrivingStudy, asked: Asked, pull: Pull | None, ended: bool
    ) -> Received | None:
        """The study as it can be concluded now; None: something is still to come, ``why_open`` says what."""
        expected = expectations(asked.request)
        needed = self._needed(arrival, arrival.counts, asked, ended)
        # By numbers alone at first: Orthanc is asked for every image only when all of them may be here.
        if self._is_growing(arrival, asked, expected, needed, ended):
            return None
        found = self._found(arrival, asked, pull, expected, ended)
        if found is None:
            return None
        # Where the first images speak against every series all of them are looked at: one image does not
        # speak for a series.
        self._judge.last_word(arrival, found, asked.request, None if ended else needed or None)
        completeness = self._completeness(arrival, asked, expected, found, ended)
        if completeness.verdict == MORE and found.word is None and not arrival.row.is_push:
            found = self._found(arrival, asked, pull, expected, ended, ask=True)
            if found is None:
                return None
        if completeness.verdict == MORE and found.word is not None:
            expected = updated(expected, found.word)
            completeness = self._completeness(arrival, asked, expected, found, ended)
        if completeness.verdict == GROWING:
            arrival.why_open = WhyOpen(
                OpenReason.SERIES_INCOMPLETE, "its own images are not all here", "the end of the pull"
            )
            return None
        counts = found.provenance.counts
        usable = {uid: self._judge.usable(arrival, found, uid) for uid in counts}
        decisive = None if ended else self._needed(arrival, counts, asked, ended)
        return Received(arrival, pull, asked, expected, completeness, found, usable, decisive)

    def _needed(
        self, arrival: ArrivingStudy, counts: Mapping[str, int], asked: Asked, ended: bool
    ) -> frozenset[str]:
        """Series that must be whole before the study is concluded, of these images here."""
        rules = self._rules_of(arrival)
        return needed_series_of(counts, arrival.judged, asked.request, ended, rules).needed

    def _is_growing(
        self,
        arrival: ArrivingStudy,
        asked: Asked,
        expected: Expectations,
        needed: frozenset[str],
        ended: bool,
    ) -> bool:
        """Whether images are missing by the numbers alone; ``why_open`` says of which series."""
        quick = _quick_counts(arrival, asked.request)
        if judge_completeness(arrival.row.study_uid, expected, quick, needed, ended).verdict != GROWING:
            return False
        missing = sorted(uid for uid in needed if quick.get(uid, 0) < expected.series.get(uid, 1))
        words = f"series {', '.join(missing[:3])} not whole" if missing else "images missing"
        arrival.lacks = _lacks(expected, quick, missing)
        arrival.why_open = WhyOpen(OpenReason.SERIES_INCOMPLETE, words, "the images, or the end of the pull")
        return True

    def _found(
        self,
        arrival: ArrivingStudy,
        asked: Asked,
        pull: Pull | None,
        expected: Expectations,
        ended: bool,
        ask: bool = False,
    ) -> Identified | None:
        """Whose images are here; None while that is an open question."""
        came_in = pull or (None if arrival.row.is_push else self._tables.pulls.last(arrival.row.study_uid))
        found = self._identify(arrival, asked, came_in, expected, ended, ask)
        if found.waiting:
            pacs = asked.request.pacs if asked.request is not None else "the PACS"
            arrival.why_open = WhyOpen(
                OpenReason.PACS_ASKED, f"{pacs} is asked whose images these are", "its answer"
            )
            return None
        if came_in is not None and not ended and not found.clear:
            words = "there are images whose sender or PatientID is in question"
            arrival.why_open = WhyOpen(
                OpenReason.SENDER_UNKNOWN, words, "the end of the pull; then the PACS is asked"
            )
            return None
        return found

    def _completeness(
        self, arrival: ArrivingStudy, asked: Asked, expected: Expectations, found: Identified, ended: bool
    ) -> Completeness:
        """
        Whether the PACS's own images are all here; never COMPLETE of images that may be somebody else's.
        """
        counts, provenance = _matched(found, asked.request), found.provenance
        needed = self._needed(arrival, counts, asked, ended)
        study = arrival.row.study_uid
        judged = judge_completeness(study, expected, counts, needed, ended, _total(provenance, counts))
        dropped = frozenset(uid for uid, one in arrival.judged.items() if not one.verdict.taken)
        missing = missing_of(provenance, study, dropped)
        if ended and missing is not None:
            return judged if any(check.short for check in judged.checks) else missing
        if judged.verdict == COMPLETE and not provenance.certain:
            return Completeness(UNVERIFIED, judged.checks)
        return judged

    def _conclude(self, received: Received) -> None:
        arrival, pull = received.arrival, received.pull
        before = arrival.counts
        if received.needed is None:
            self._arrivals.journal_changes()
        self._arrivals.refresh(arrival)
        now = arrival.counts
        changed = {uid for uid in now.keys() | before.keys() if now.get(uid) != before.get(uid)}
        if changed & (changed if received.needed is None else received.needed):
            return  # judged again with what is here
        reach("filtered")
        outcome = self._concluder.conclude(received, before)
        self._identify.answers.forget(arrival.row.study_uid)
        if pull is not None:
            self._ended_seen.pop(pull.request.pull_id, None)
        if outcome == SHORT_OUTCOME:
            self._arrivals.drop(arrival)
        else:
            arrival.why_open = WhyOpen(
                OpenReason.DELETION, f"concluded: {outcome}", "the end of the pull and a moment of quiet"
            )
        self._on_owed()

    def _rules_of(self, arrival: ArrivingStudy) -> Switches:
        """The one version of the rules that a reception is judged by."""
        return arrival.rules or self._switches

    def _asked(self, arrival: ArrivingStudy, pull: Pull | None) -> Asked:
        reception = arrival.row.number
        if pull is not None:
            return Asked(pull.request, pull.request.final, pull.request.forced, reception, pull.error)
        last = self._tables.pulls.last(arrival.row.study_uid)
        if last is not None and last.report is not None and last.report.outcome == SHORT_OUTCOME:
            return Asked(last.request, reception=reception)  # waits for more
        if last is not None and arrival.row.counted and not arrival.row.is_push:
            return Asked(
                last.request, final=True, reception=reception
            )  # more came after the study was concluded
        told = arrival.told_now
        return Asked(told.request if told is not None else None, final=True, reception=reception)

    def _wait_s(self, pull: Pull | None, expected: Expectations, arrival: ArrivingStudy) -> float:
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
        expected = expectations(pull.request)
        if self._tables.receptions.of_study(study, ReceptionState.DELETING) or self._since_end(
            pull
        ) < self._settle_after(pull):
            return
        completeness = judge_completeness(study, expected, {}, frozenset(expected.series), ended=True)
        self._concluder.nothing_came(pull, expected, completeness)
        self._ended_seen.pop(pull.request.pull_id, None)
        self._on_owed()

    def _report(self, pull: Pull, conclusion: PullReport) -> None:
        """The job has ended: the report goes out, with what has come since the study was concluded early."""
        arrival = self._arrivals.get(pull.request.study_uid)
        if arrival is not None and arrival.row.state is ReceptionState.CONCLUDED:
            self._arrivals.refresh(arrival)
            self._judge.first_look(arrival, pull.request)
            expected = expectations(pull.request)
            found = self._identify(arrival, Asked(pull.request), pull, expected, ended=False)
            counts = found.provenance.counts
            reports = series_reports(counts, arrival.judged, pull.request, expected)
            reports = with_headers(reports, arrival.judged)
            series = with_late_series(conclusion.series, reports)
            conclusion = replace(conclusion, received=found.provenance.total, series=series)
            arrival.reported = arrival.counts
        self._tables.pulls.report(pull.request.pull_id, conclusion)
        self._on_owed()

    def _settle_after(self, pull: Pull) -> float:
        return SETTLE_S if pull.moves else 0.0

    def _finish(self, arrival: ArrivingStudy) -> None:
        """Concluded: deleted when neither a pull nor an image is under way any more."""
        study = arrival.row.study_uid
        pulls = self._tables.pulls.unreported(study)
        if pulls and pulls[0].conclusion is None and (arrival.grew or pulls[0].job_state == ENDED):
            self._again(arrival)
        if pulls or arrival.quiet_for() < QUIET_BEFORE_DELETE_S:
            return
        self._arrivals.journal_changes()
        more = self._has_more(arrival)
        if more is None:
            return  # the PACS is being asked
        if not more:
            self._tell_late_series(arrival)
        if more:
            self._log.event(
                "images_after_conclusion",
                "more images came after the study was concluded",
                studyUID=study,
                counts=arrival.counts,
            )
            arrival.row = self._tables.receptions.move(arrival.row, ReceptionEvent.GROW, now_ms())
        elif self._switches.delete_after_send:
            self._doom(arrival)
        else:
            self._tables.receptions.move(arrival.row, ReceptionEvent.RETAIN, now_ms())
            self._arrivals.drop(arrival)

    def _tell_late_series(self, arrival: ArrivingStudy) -> None:
        """Images that came after the report make no hand-over: their verdict is told all the same, once."""
        last = self._tables.pulls.last(arrival.row.study_uid)
        told = arrival.row.counted if arrival.reported is None else arrival.reported
        if last is None or last.report is None or arrival.row.is_push or arrival.counts == told:
            return
        asked = Asked(last.request)
        self._judge.first_look(arrival, asked.request)
        expected = expectations(asked.request)
        found = self._identify(arrival, asked, last, expected, ended=False)
        reports = series_reports(found.provenance.counts, arrival.judged, asked.request, expected)
        reports = with_headers(reports, arrival.judged)
        series = with_late_series(last.report.series, reports)
        self._concluder.tell_late(last.report, series, found.provenance.total)
        arrival.reported = arrival.counts
        self._on_owed()

    def _doom(self, arrival: ArrivingStudy) -> None:
        study = arrival.row.study_uid
        with self._tables.journal.transaction():
            if self._tables.pulls.unreported(study):
                return  # asked for in this moment; a pull that is asked for later waits for the deletion
            self._tables.receptions.delete(arrival.row, arrival.instances, now_ms())
        reach("doomed")
        self._identify.arrival_counts.forget(arrival.instances)
        self._arrivals.drop(arrival)
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
        received = self._received(arrival, asked, None, ended=True)
        return None if received is None else self._concluder.decide(received).outcome == RECEIVED


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


def _pace_of(arrivals: Iterable[ArrivingStudy]) -> float:
    """Seconds to the next step: that of the study which may be whole first."""
    return min(
        (
            pace(one.lacks, one.quiet_for()) if one.row.state is ReceptionState.OPEN else LONGEST_S
            for one in arrivals
        ),
        default=USUAL_S,
    )


def _lacks(expected: Expectations, counts: Mapping[str, int], missing: Iterable[str]) -> int:
    """Images that were announced and have not come, of these series or else of the study."""
    of_series = sum(max(expected.series.get(uid, 0) - counts.get(uid, 0), 0) for uid in missing)
    return of_series or max((expected.study or 0) - sum(counts.values()), 0)


def _quick_counts(arrival: ArrivingStudy, request: PullRequest | None) -> dict[str, int]:
    """
    Copies here by SeriesInstanceUID; of a series whose SOPInstanceUIDs are known no more than those are.
    """
    counts = arrival.counts
    for uid, wanted in (request.expected_instances if request else {}).items():
        if uid in counts:
            counts[uid] = min(counts[uid], len(set(wanted)))
    return counts


def _matched(found: Identified, request: PullRequest | None) -> dict[str, int]:
    """
    Images by SeriesInstanceUID; of a series whose SOPInstanceUIDs are known only those, as long as one of
    them is missing.
    """
    counts = found.provenance.counts
    for uid, uids in (request.expected_instances if request else {}).items():
        here, wanted = found.sop_uids(uid), set(uids)
        if uid in counts and not wanted <= here:
            counts[uid] = len(wanted & here)
    return counts


def _total(provenance: Provenance, counts: dict[str, int]) -> int:
    """Images of the study, one that lies in two series once."""
    twice = sum(provenance.counts.values()) - provenance.total
    return sum(counts.values()) - twice
