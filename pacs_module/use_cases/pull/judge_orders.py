"""Orders: what the RIS says of a study before it is pulled (M7). Used only where a RIS is configured."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.errors import PipelineError
from ...domain.explain import loglines
from ...domain.instants import iso, milliseconds
from ...domain.pull.ris_orders import OrderVerdict, RisPolicy, Wanted, judge_orders
from ...domain.retry import lasts
from ...domain.rules.switches import Switches
from ...domain.study.history import Note
from ...domain.study.lifecycle import Event, State
from ...domain.study.priority import MANUAL, ROUTINE
from ...domain.study.study import PULL, Study
from ...ports import Clock, EventLog, Puller, Ris, StudyStore
from ..update_study import update_study

MOST_AT_ONCE = 200
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class OrderTimes:
    """
    How long is waited for an order.

    ``wait``: how long a study whose order nobody knows is held, from its first find; ``again``: pause between
    questions;
    ``look_back``: how long after it was dropped by its order a study is asked about again.
    """

    wait: timedelta
    again: timedelta
    look_back: timedelta = timedelta(days=3)


@dataclass
class JudgeOrders:
    """Holds, drops or lets pass what is about to be pulled; sets the priority of what waits."""

    ris: Ris
    store: StudyStore
    puller: Puller
    clock: Clock
    log: EventLog
    switches: Switches
    policy: RisPolicy
    times: OrderTimes
    _silent_since: int = 0
    _looked_at: dict[str, int] = field(default_factory=dict)
    _asked_again: dict[str, int] = field(default_factory=dict)

    def __call__(self, study: Study) -> bool:
        """
        Judge a study that is about to be pulled; what a person asked for always passes.

        Args:
            study: Changed in place: its priority; its state when it is no chest; the time of its pull when it
            is held.

        Returns:
            Whether it is to be pulled now.
        """
        if study.priority == MANUAL or study.forced or study.attempts:
            return True
        verdict = self._verdict(study)
        study.priority = study.own_priority = max(study.priority, verdict.priority)
        if verdict.wanted is Wanted.NO:
            return self._drop(study, verdict)
        if verdict.wanted is Wanted.UNKNOWN and not self._waited_enough(study):
            return self._hold(study, verdict)
        study.note(Note.ORDER, f"{verdict.why}; priority {study.priority}", self.clock.now())
        return True

    def _hold(self, study: Study, verdict: OrderVerdict) -> bool:
        study.why = f"held: {verdict.why}"
        study.schedule(PULL, self.clock.now() + milliseconds(self.times.again))
        return False

    def judge_waiting(self) -> bool:
        """
        Give the waiting studies the priority of their orders, so that an emergency is pulled before what came
        before it.

        Returns:
            False: nothing more to do until the next round.
        """
        now = self.clock.now()
        waiting = self.store.waiting_routine(MOST_AT_ONCE)
        self._looked_at = {study.study_uid: self._looked_at.get(study.study_uid, 0) for study in waiting}
        for study in waiting:
            if not lasts(self._looked_at[study.study_uid], self.times.again, now):
                self._looked_at[study.study_uid] = now
                self._judge_one(study)
        self._look_back(now)
        return False

    def _judge_one(self, study: Study) -> None:
        verdict = self._verdict(study)
        if verdict.priority > ROUTINE:
            self._raise_priority(study.study_uid, verdict.priority)

    def _look_back(self, now: int) -> None:
        """
        Studies that their order alone has dropped are asked about again: the RIS may have been corrected.

        Those of the last days, each after a pause: a correction that comes later than that needs a person, or
        growth.
        """
        since = iso(now - milliseconds(self.times.look_back))
        for study in self.store.dropped_by_order(since, MOST_AT_ONCE):
            if not lasts(self._asked_again.get(study.study_uid, 0), self.times.again, now):
                self._ask_again(study, now)

    def _ask_again(self, study: Study, now: int) -> None:
        if len(self._asked_again) > MOST_REMEMBERED:
            self._asked_again.clear()
        self._asked_again[study.study_uid] = now
        verdict = self._verdict(study)
        if verdict.wanted is Wanted.YES:
            self._bring_back(study.study_uid, verdict)

    def _bring_back(self, study_uid: str, verdict: OrderVerdict) -> None:
        def edit(study: Study) -> bool:
            if not study.dropped_by_order:
                return False
            now = self.clock.now()
            study.apply(Event.ORDER_CORRECTED, verdict.why, now)
            study.priority = study.own_priority = max(study.priority, verdict.priority)
            study.pull_now(now)
            return True

        update_study(self.store, study_uid, edit)
        self.log.event(
            "order_corrected",
            "order corrected, pulled after all",
            studyUID=study_uid,
            why=verdict.why,
        )

    def _raise_priority(self, study_uid: str, priority: int) -> None:
        def edit(study: Study) -> bool:
            if study.state is not State.META_ONLY or study.priority >= priority:
                return False
            study.priority = study.own_priority = priority
            study.note(Note.PRIORITY, f"{priority} by its order", self.clock.now())
            return True

        update_study(self.store, study_uid, edit)

    def _verdict(self, study: Study) -> OrderVerdict:
        """
        A RIS that does not answer knows nothing: that holds a study for a while and drops none. It is left
        alone meanwhile.
        """
        now = self.clock.now()
        if lasts(self._silent_since, self.times.again, now):
            return OrderVerdict(Wanted.UNKNOWN, ROUTINE, "the RIS does not answer")
        names = (study.accession_number, study.patient_id, study.study_date)
        try:
            orders = self.ris.orders_of(*names)
        except PipelineError as error:
            return self._silent(error, now)
        return judge_orders(*names, orders, self.policy, self.switches.body_part_ct.keywords)

    def _silent(self, error: PipelineError, now: int) -> OrderVerdict:
        self._silent_since = now
        self.log.event("ris_not_answering", "the RIS does not answer", "WARNING", error=str(error))
        return OrderVerdict(Wanted.UNKNOWN, ROUTINE, str(error))

    def _waited_enough(self, study: Study) -> bool:
        return study.first_seen_at <= iso(self.clock.now() - milliseconds(self.times.wait))

    def _drop(self, study: Study, verdict: OrderVerdict) -> bool:
        study.apply(Event.FILTERED_AT_FIND, verdict.why, self.clock.now())
        study.dropped_by_order = True
        study.baseline = study.count
        study.sightings = []
        study.forget_wish()
        study.schedule(PULL, None)
        self._write_line(study)
        told = {"studyUID": study.study_uid, "why": verdict.why}
        self.log.event("order_not_wanted", "not pulled because of its order", **told)
        return False

    def _write_line(self, study: Study) -> None:
        """The line of a study that is filtered, in the plugins' log."""
        names = (study.accession_number, study.patient_id, study.study_uid)
        try:
            self.puller.write_verdicts([loglines.study_filtered(*names)])
        except PipelineError as error:
            words = "filter lines not in orthanc-python.log"
            self.log.event("filter_lines_not_written", words, "WARNING", error=str(error))
