"""
Pull: ask the plugins for the due studies, most urgent first; ask after those whose end is not reported (M13,
M14, M27).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import InitVar, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ...domain.errors import InvalidTransition, PermanentError, RetriableError
from ...domain.explain import loglines
from ...domain.instants import iso, milliseconds
from ...domain.json_messages.messages import PullReport, PullRequest
from ...domain.pull.receivers import ReceiverChoice
from ...domain.pull.throttle import PacsLimits
from ...domain.study.lifecycle import Event, State
from ...domain.study.pull_state import Charge
from ...domain.study.second_receiver import before_elsewhere
from ...domain.study.study import MOST_PULLS, PULL, WATCH, Pull, Study, effective_priority
from ...ports import Clock, EventLog, Puller, StudyStore
from ...shared.crash_points import reach
from ..recover.free_claims import free_claims
from ..update_study import note_impossible, update_study
from .ask_plugins import AskPlugins
from .choose_pulls import ChoosePulls, ChosenPull, RoomGate
from .judge_orders import JudgeOrders
from .pacs_locks import PacsLocks
from .prepare_pull import PreparePull
from .pull_policy import CLAIM_LEASE, PullPolicy
from .put_off import Claim, put_off
from .receiver_book import ReceiverBook
from .record_pull_end import RecordPullEnd


@dataclass
class PullStudies:
    """One round asks for as many due studies as may run at once."""

    store: StudyStore
    puller: Puller
    prepare: PreparePull
    ends: RecordPullEnd
    clock: Clock
    log: EventLog
    policy: PullPolicy
    owner: str
    unreachable: Callable[[], Collection[str]] = frozenset
    pick: Callable[[Sequence[str]], str] = field(default=random.choice)
    orders: InitVar[JudgeOrders | None] = None
    locks: PacsLocks = field(default=None)  # type: ignore[assignment] # set in __post_init__
    """None: made of the policy's limits, for this process alone."""
    receivers: ReceiverBook = field(default=None)  # type: ignore[assignment] # set in __post_init__
    """None: there is one receiving Orthanc."""
    went_on: Callable[[str, Study], None] = lambda pacs, study: None
    """Told of a study that was to be pulled ahead and has grown: it is counted on, at this PACS."""
    choose: ChoosePulls = field(init=False)
    ask: AskPlugins = field(init=False)
    _cut_short: bool = False
    """The store went away in the middle of a round: claims of ours may stand in it that nobody works on."""

    def __post_init__(self, orders: JudgeOrders | None) -> None:
        """Put the parts of a round together."""
        if self.locks is None:
            limits = {name: PacsLimits(limit) for name, limit in self.policy.limits.items()}
            self.locks = PacsLocks(limits, self.clock, self._utc, self.log)
        self.receivers = self.receivers or ReceiverBook([""], self.clock, self.log)
        room = RoomGate()
        self.choose = self._chooser(room, orders)
        self.ask = AskPlugins(self.puller, self.ends, self.clock, self.log, self.policy, room, self.receivers)

    def _chooser(self, room: RoomGate, orders: JudgeOrders | None) -> ChoosePulls:
        return ChoosePulls(
            store=self.store,
            clock=self.clock,
            policy=self.policy,
            owner=self.owner,
            locks=self.locks,
            room=room,
            unreachable=self.unreachable,
            pick=self.pick,
            paths=self.ends.paths,
            orders=orders,
        )

    def _utc(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now() / 1000, UTC)

    def __call__(self, pacs: str | None = None) -> int:
        """
        Ask for the due studies that there is capacity for.

        Args:
            pacs: Only what is to be started at this PACS (or, for a study that a mirror has too, at that
            one); None: at all.

        Returns:
            How many pulls were asked for.

        Raises:
            RetriableError: The store is away; what this round had claimed is due again at the next one, not
            after its lease.
        """
        if self._cut_short:
            free_claims(self.store, self.clock, PULL, self.owner, "the store was away")
            self._cut_short = False
        if not self._is_any_due():
            return 0
        names = self.policy.limits if pacs is None else [pacs]
        with_places = [name for name in names if self.choose.may_have_places(name)]
        return self._round(with_places) if with_places else 0

    def _is_any_due(self) -> bool:
        due = self.store.next_due(PULL)
        return due is not None and due <= self.clock.now()

    def _round(self, names: Sequence[str]) -> int:
        """Choose and pull at some PACS, each locked meanwhile."""
        try:
            with self.locks.holding(names) as locked:
                chosen = self.choose(locked)
                self._give_back_unused(locked, chosen)
                return self._pull_all(chosen)
        except RetriableError:
            self._cut_short = True
            raise

    def _give_back_unused(self, locked: set[str], chosen: Sequence[ChosenPull]) -> None:
        """Let others start at the PACS that nothing is pulled from: what follows is slow."""
        unused = locked - {one.pacs for one in chosen}
        locked -= unused
        self.locks.give(unused)

    def _pull_all(self, chosen: Sequence[ChosenPull]) -> int:
        if not chosen:
            return 0
        self.log.line(loglines.move_dates(sorted({one.study.study_date for one in chosen})))
        self._tell_numbers(chosen)
        return sum(self._pull(one.study, one.pacs) for one in chosen)

    def _tell_numbers(self, chosen: Sequence[ChosenPull]) -> None:
        again = sum(one.study.attempts > 0 for one in chosen)
        if len(chosen) > again:
            self.log.line(loglines.send_moves(len(chosen) - again))
        if again:
            self.log.line(loglines.continue_moves(again))

    def watch(self) -> bool:
        """
        Ask after one pull whose end has not been reported: its report is on the way, or the plugins have
        never heard of it.

        Returns:
            Whether there was one.
        """
        study = self.store.claim(WATCH, self.owner, self.clock.now(), milliseconds(self.policy.watch))
        if study is None:
            return False
        if study.pull is None or not study.pull.running:
            self.ends.notification_missing(study.study_uid)
            return True
        self._look_after(study.pull.request)
        return True

    def _look_after(self, request: PullRequest) -> None:
        """Ask the receiver for the end of a pull, and anew for one that it does not know."""
        if gone := self.receivers.gone(request.receiver):
            self.ends.left(request, gone)
            return
        report = self.puller.report_of(request.pull_id, request.receiver)
        if isinstance(report, PullReport):
            self.ends.accept_report(report)
        elif report is None:
            self.log.line(loglines.continue_moves(1))
            self.ask(request)

    def _pull(self, study: Study, pacs: str) -> bool:
        try:
            reach("claimed")
            return self._pull_from(study, pacs)
        except PermanentError as error:
            # One study that cannot be pulled keeps none of the round waiting; it is due again when the
            # claim's lease is over.
            if isinstance(error, InvalidTransition):
                note_impossible(self.store, study.study_uid, error)
            self.log.event(
                "pull_not_possible",
                "pull not possible",
                "ERROR",
                studyUID=study.study_uid,
                why=str(error),
            )
            return False

    def _pull_from(self, study: Study, pacs: str) -> bool:
        if study.state is not State.META_ONLY:
            update_study(self.store, study.study_uid, _not_to_be_pulled)
            return False
        claim = study.claim_on(PULL)
        if self._charged_to_the_end(study):
            self.store.replace(study)
            return False
        choice = self.receivers.choose(study)
        if not choice.found:
            return self._put_off(study, claim, self.policy.room_pause, f"no receiver: {choice.why}")
        return self._prepare_and_ask(study, claim, pacs, choice)

    def _prepare_and_ask(self, study: Study, claim: Claim, pacs: str, choice: ReceiverChoice) -> bool:
        try:
            request = self.prepare(study, pacs, final=self.policy.retry.exhausted(study.attempts + 1))
        except RetriableError as error:
            self._tell_put_off(study, error)
            return self._put_off(study, claim, self.policy.watch, f"put off: {error}")
        if not self.locks.ours(pacs):
            return self._put_off(study, claim, timedelta(0), "this process stood still; another has its turn")
        return self._ask(study, claim, pacs, request, choice)

    def _tell_put_off(self, study: Study, error: RetriableError) -> None:
        told = {"studyUID": study.study_uid, "why": str(error)}
        self.log.event("pull_put_off", "pull put off", "WARNING", **told)

    def _ask(
        self, study: Study, claim: Claim, pacs: str, request: PullRequest | None, choice: ReceiverChoice
    ) -> bool:
        """
        Write the document and ask the plugins; None: nothing is asked for, since every series was dropped or
        the study is counted on.
        """
        if request is not None:
            request = self._give(study, request, choice)
        if not self.store.replace(study):
            # A find or a person changed it meanwhile: with what they wrote it is due again at once.
            return self._put_off(study, claim, timedelta(0), study.why)
        reach("pull_asked")
        if request is None:
            if study.state is State.META_ONLY:
                self.went_on(pacs, study)
            return False
        self.ends.paths.probing(pacs)
        self.locks.started(pacs, request.expected or 0)
        self._tell_asked(request)
        return self.ask(request)

    def _give(self, study: Study, request: PullRequest, choice: ReceiverChoice) -> PullRequest:
        """The request as its receiver gets it, noted in the document and in the receivers' book."""
        before = before_elsewhere(study, choice.name if self.receivers.several else None)
        if self.receivers.several:
            request = replace(request, receiver=choice.name)
        request = replace(request, **before)
        self._asked(study, request, choice.why)
        self.receivers.gave(choice.name, study)
        return request

    def _tell_asked(self, request: PullRequest) -> None:
        # The plugins log under the same pullID: by it a study is followed from one log into the other.
        told = {"pacs": request.pacs, "studyUID": request.study_uid, "pullID": request.pull_id}
        self.log.event("pull_asked", "a pull is asked for", **told)

    def _charged_to_the_end(self, study: Study) -> bool:
        """
        Charge the last pull where another study has come through since; say whether that was the last
        attempt.
        """
        last = study.pull
        if last is None or not _is_pending(study, last):
            return False
        if study.study_uid not in self.ends.paths.of(last.request.pacs).suspects:
            return False
        study.attempts, last.charge = study.attempts + 1, Charge.CHARGED
        if not self.policy.retry.exhausted(study.attempts):
            return False
        self._give_up_charged(study, last)
        return True

    def _give_up_charged(self, study: Study, last: Pull) -> None:
        others = f"others came from {last.request.pacs}; attempt {study.attempts} was the last"
        self.ends.give_up(study, f"{last.blamed}; {others}", self.clock.now())

    def _put_off(self, study: Study, claim: Claim, pause: timedelta, why: str) -> bool:
        put_off(self.store, self.clock, study.study_uid, claim, pause, why)
        return False

    def _asked(self, study: Study, request: PullRequest, why_there: str) -> None:
        """
        The document says "asked" before the plugins hear of it: a crash in between ends in asking again with
        the same id.
        """
        now = self.clock.now()
        study.attempts += 1
        pull = self._new_pull(study, request, now)
        words, there = _asking_words(study, request, pull.rank), request.receiver
        words += f"; to {there}: {why_there}" if there else ""
        study.apply(Event.PULL_ASKED, words, now)
        _take_counts(study, request)
        pull.early, study.ahead = study.ahead is not None, None
        _begin(study, pull)
        study.schedule(PULL, None)
        study.schedule(WATCH, now + milliseconds(self.policy.watch))

    def _new_pull(self, study: Study, request: PullRequest, now: int) -> Pull:
        """The attempt, with its place in the line when it was claimed."""
        claimed_at = study.due[PULL] - milliseconds(CLAIM_LEASE) if PULL in study.due else now
        place = effective_priority(study, claimed_at, self.policy.ageing)
        asked_at, claimed = iso(now), iso(claimed_at)
        return Pull(request, study.attempts, asked_at, claimed_at=claimed, asked_by=self.owner, rank=place)


def _not_to_be_pulled(study: Study) -> bool:
    if study.state is State.META_ONLY:
        return False
    study.schedule(PULL, None)
    return True


def _is_pending(study: Study, last: Pull) -> bool:
    """
    Whether its last pull waits to be charged; not when it has grown or was asked for since, with all attempts
    before it.
    """
    untouched = not study.forced and study.attempts == last.attempt - 1
    return last.charge is Charge.PENDING and untouched


def _asking_words(study: Study, request: PullRequest, place: int) -> str:
    words = f"{request.level} from {request.pacs}, attempt {study.attempts}"
    if place <= study.rank:
        return words
    return f"{words}; has risen from {study.rank} to {place} by waiting since {study.waits_since_at}"


def _begin(study: Study, pull: Pull) -> None:
    """The pull before goes to the earlier ones."""
    if study.pull is not None:
        study.pulls = [*study.pulls, study.pull][-MOST_PULLS:]
    study.pull = pull


def _take_counts(study: Study, request: PullRequest) -> None:
    """Growth is what comes beyond the numbers that this pull is asked with."""
    copy = study.pacs[request.pacs]
    if not request.for_destinations:
        study.baseline = request.expected if request.level == "STUDY" else copy.count
        copy.tried = copy.count
    study.sightings = []
