"""Pull: ask the plugins for the due studies, most urgent first; ask after those whose end is not reported (M13, M14, M27)."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ...domain.errors import InvalidTransition, NoRoom, PermanentError, RetriableError, TooLarge
from ...domain.explain import loglines
from ...domain.find.vanished import gone_from, present_at
from ...domain.instants import iso, milliseconds
from ...domain.pull.source_pacs import choose_pacs
from ...domain.pull.throttle import Sparing
from ...domain.retry import RetryPolicy
from ...domain.study.lifecycle import Event, State
from ...domain.study.priority import MANUAL, Ageing
from ...domain.study.study import MOST_PULLS, PULL, WATCH, PacsCopy, Pull, Study, effective_priority
from ...domain.wire.messages import PullReport, PullRequest
from ...ports import Clock, EventLog, Puller, StudyStore
from ...shared.crash_points import reach
from ..recover.free_claims import free_claims
from ..update_study import change, note_impossible
from .judge_orders import JudgeOrders
from .pacs_locks import PullTurns
from .prepare_pull import PreparePull
from .record_pull_end import PullEnds
from .round_state import Places, RoomGate, Turns

CLAIM_LEASE = timedelta(minutes=5)
"""Longer than a SERIES level find at a slow PACS; a process that died with a claim lets it go after this."""


@dataclass(frozen=True)
class PullPolicy:
    """
    How it is pulled.

    ``watch``: how often a running pull is asked after; ``room_pause``: wait for room; ``jobs``: C-MOVEs that Orthanc runs at
    once, the others wait in its queue; ``room_hold``: how long nothing overtakes a study that waits for room.
    """

    limits: Mapping[str, int]
    """Pulls at once by PACS."""
    retry: RetryPolicy
    watch: timedelta
    room_pause: timedelta
    ageing: Ageing = field(default_factory=Ageing)
    jobs: int = 4
    room_hold: timedelta = timedelta(minutes=10)


@dataclass
class PullStudies:
    """One round asks for as many due studies as may run at once."""

    store: StudyStore
    puller: Puller
    prepare: PreparePull
    ends: PullEnds
    clock: Clock
    log: EventLog
    policy: PullPolicy
    owner: str
    unreachable: Callable[[], Collection[str]] = frozenset
    pick: Callable[[Sequence[str]], str] = field(default=random.choice)
    orders: JudgeOrders | None = None
    turns: PullTurns | None = None
    """None: made of the policy's limits, for this process alone."""
    _room: RoomGate = field(default_factory=RoomGate)
    _cut_short: bool = False
    """The store went away in the middle of a round: claims of ours may stand in it that nobody works on."""

    def __post_init__(self) -> None:
        """The usual turns."""
        if self.turns is None:
            sparing = {name: Sparing(limit) for name, limit in self.policy.limits.items()}
            self.turns = PullTurns(sparing, self.clock, lambda: datetime.fromtimestamp(self.clock.now() / 1000, UTC), self.log)

    def __call__(self, pacs: str | None = None) -> int:
        """
        Ask for the due studies that there is capacity for.

        Args:
            pacs: Only what is to be started at this PACS (or, for a study that a mirror has too, at that one); None: at all.

        Returns:
            How many pulls were asked for.

        Raises:
            RetriableError: The store is away; what this round had claimed is due again at the next one, not after its lease.
        """
        if self._cut_short:
            free_claims(self.store, self.clock, PULL, self.owner, "the store was away")
            self._cut_short = False
        due = self.store.next_due(PULL)
        if due is None or due > self.clock.now():
            return 0
        names = [name for name in (self.policy.limits if pacs is None else [pacs]) if self._may_have_places(name)]
        if not names:
            return 0
        try:
            with Turns(self._all_turns, names) as turns:
                claimed = self._claim(turns)
                turns.keep({name for _, name in claimed})
                return self._pull_all(claimed)
        except RetriableError:
            self._cut_short = True
            raise

    @property
    def _all_turns(self) -> PullTurns:
        assert self.turns is not None, "made in __post_init__"  # noqa: S101
        return self.turns

    def _pull_all(self, claimed: list[tuple[Study, str]]) -> int:
        if not claimed:
            return 0
        self.log.line(loglines.move_dates(sorted({study.study_date for study, _ in claimed})))
        again = sum(study.attempts > 0 for study, _ in claimed)
        if len(claimed) > again:
            self.log.line(loglines.send_moves(len(claimed) - again))
        if again:
            self.log.line(loglines.continue_moves(again))
        return sum(self._pull(study, pacs) for study, pacs in claimed)

    def watch(self) -> bool:
        """
        Ask after one pull whose end has not been reported: its report is on the way, or the plugins have never heard of it.

        Returns:
            Whether there was one.
        """
        study = self.store.claim(WATCH, self.owner, self.clock.now(), milliseconds(self.policy.watch))
        if study is None:
            return False
        if study.pull is None or study.pull.status != "asked":
            self.ends.notification_missing(study.study_uid)
            return True
        report = self.puller.report_of(study.pull.request.pull_id)
        if isinstance(report, PullReport):
            self.ends.accept_report(report)
        elif report is None:
            self.log.line(loglines.continue_moves(1))
            self._ask(study.pull.request)
        return True

    def _claim(self, turns: Turns) -> list[tuple[Study, str]]:
        """As many due studies as there are free places, each with the PACS to move it from."""
        places = {name: self._places(name) for name in sorted(turns.mine)}
        claimed = []
        for name in sorted(turns.mine):
            at = places[name]
            while at.free > 0 or at.manual > 0:
                study = self._claim_at(name, at.least if at.free > 0 else MANUAL)
                if study is None:
                    break
                for other in turns.enter([mirror for mirror in study.pacs if mirror in self.policy.limits]):
                    places.setdefault(other, self._places(other))
                free = [other for other, places_there in places.items() if places_there.free > 0]
                pacs = choose_pacs(study, free, self.unreachable(), self.pick) or name
                if self._waits_for_mirror(study, pacs):
                    continue
                places[pacs].take()
                claimed.append((study, pacs))
        return claimed

    def _waits_for_mirror(self, study: Study, pacs: str) -> bool:
        """What is gone from a PACS is not tried there while another has it, also when that one is busy or down now."""
        there = [name for name in present_at(study) if name in self.policy.limits]
        down = pacs in self.unreachable() and study.priority < MANUAL
        if not gone_from(study) or not there or (pacs in there and not down):
            return False
        why = f"gone from {', '.join(gone_from(study))}; waits for {', '.join(there)}"
        self._put_off(study, study.claim_on(PULL), self.policy.room_pause, why)
        return True

    def _places(self, pacs: str) -> Places:
        """
        Free places at a PACS.

        In asynchronous mode pulls may wait in Orthanc's job queue: a manual one is asked for all the same and is the next to
        start there, by its priority; a C-MOVE that runs is not interrupted.
        """
        running, limit = self._running(pacs), self.policy.limits[pacs]
        allowed = self._all_turns.allowance(pacs)
        waits_there = limit > 1 and self.store.running() >= self.policy.jobs
        return Places(allowed.places - running, 2 * limit - running if waits_there else 0, allowed.least)

    def _may_have_places(self, pacs: str) -> bool:
        """A look without taking the turn, which costs two writes; what is found is counted again when the turn is ours."""
        return self.policy.limits[pacs] > 1 or self._running(pacs) < self.policy.limits[pacs]

    def _running(self, pacs: str) -> int:
        return self.store.running_at(pacs)

    def _claim_at(self, pacs: str, least: int) -> Study | None:
        """
        The most urgent due study of one PACS.

        At one that does not answer finds only what a person asked for is tried: the others would fail to the limit while it is
        down. A study that came unasked and lost its files is asked for everywhere, because no PACS is known to have it.
        """
        if pacs in self.unreachable():
            return self._claim_of(pacs, MANUAL)
        if self._room.closed(self.clock.now()):
            least = MANUAL  # nothing overtakes what waits for room
        study = self._claim_of(pacs, least) or self._claim_of("", least)
        if study is not None and not study.pacs:
            study.pacs = {name: PacsCopy() for name in self.policy.limits}
        return study

    def _claim_of(self, pacs: str, least: int) -> Study | None:
        """The most urgent one; those that their orders hold or drop take no place from the others."""
        while True:
            now, lease = self.clock.now(), milliseconds(CLAIM_LEASE)
            study = self.store.claim_pull(pacs, self.owner, now, lease, least, self.policy.ageing)
            if study is None or study.state is not State.META_ONLY or self.orders is None:
                return study
            claim = study.claim_on(PULL)
            if self.orders(study):
                return study
            if not self.store.replace(study):
                self._put_off(study, claim, timedelta(0), study.why)

    def _pull(self, study: Study, pacs: str) -> bool:
        try:
            reach("claimed")
            return self._pull_from(study, pacs)
        except PermanentError as error:
            # One study that cannot be pulled keeps none of the round waiting; it is due again when the claim's lease is over.
            if isinstance(error, InvalidTransition):
                note_impossible(self.store, study.study_uid, error)
            self.log.event(
                "pull_not_possible", "pull not possible", "ERROR",
                studyUID=study.study_uid, why=str(error),
            )
            return False

    def _pull_from(self, study: Study, pacs: str) -> bool:
        if study.state is not State.META_ONLY:
            change(self.store, study.study_uid, _not_to_be_pulled)
            return False
        claim = study.claim_on(PULL)
        try:
            request = self.prepare(study, pacs, final=self.policy.retry.exhausted(study.attempts + 1))
        except RetriableError as error:
            self.log.event(
                "pull_put_off", "pull put off", "WARNING",
                studyUID=study.study_uid, why=str(error),
            )
            return self._put_off(study, claim, self.policy.watch, f"put off: {error}")
        if not self._all_turns.ours(pacs):
            return self._put_off(study, claim, timedelta(0), "this process stood still; another has its turn")
        if request is not None:
            self._asked(study, request)
        if not self.store.replace(study):
            # A find or a person changed it meanwhile: with what they wrote it is due again at once.
            return self._put_off(study, claim, timedelta(0), study.why)
        reach("pull_asked")
        if request is None:
            return False
        self._all_turns.started(pacs, request.expected or 0)
        return self._ask(request)

    def _asked(self, study: Study, request: PullRequest) -> None:
        """The document says "asked" before the plugins hear of it: a crash in between ends in asking again with the same id."""
        now = self.clock.now()
        study.attempts += 1
        claimed_at = study.due[PULL] - milliseconds(CLAIM_LEASE) if PULL in study.due else now
        place = effective_priority(study, claimed_at, self.policy.ageing)
        why = f"{request.level} from {request.pacs}, attempt {study.attempts}"
        risen = f"; has risen from {study.rank} to {place} by waiting since {study.waits_since_at}" if place > study.rank else ""
        study.apply(Event.PULL_ASKED, why + risen, now)
        study.baseline = request.expected if request.level == "STUDY" else study.pacs[request.pacs].count
        study.pacs[request.pacs].tried = study.pacs[request.pacs].count
        study.sightings = []
        if study.pull is not None:
            study.pulls = [*study.pulls, study.pull][-MOST_PULLS:]
        study.pull = Pull(request, study.attempts, iso(now), claimed_at=iso(claimed_at), asked_by=self.owner, rank=place)
        study.schedule(PULL, None)
        study.schedule(WATCH, now + milliseconds(self.policy.watch))

    def _ask(self, request: PullRequest) -> bool:
        try:
            self.puller.ask(request)
        except NoRoom as error:
            self._room.close(request.study_uid, self.clock.now(), self.policy.room_pause, self.policy.room_hold)
            self.ends.no_room(request, str(error), self.policy.room_pause)
            return False
        except TooLarge as error:
            self.log.line(loglines.MOVE_FAILED)
            self.log.line(loglines.move_success([]))
            self.ends.too_large(request, str(error))
            return False
        except RetriableError as error:
            self.log.event(
                "plugins_not_reached", "plugins not reached, will be asked again", "WARNING",
                studyUID=request.study_uid, error=str(error),
            )
        except PermanentError as error:
            self.log.line(loglines.MOVE_FAILED)
            self.log.line(loglines.move_success([]))
            self.ends.give_back(request, str(error))
            return False
        self._room.entered(request.study_uid)
        return True

    def _put_off(self, claimed: Study, claim: tuple[str, int] | None, pause: timedelta, why: str) -> bool:
        """Give a claim back; one that another has by now, or that somebody has decided since, is left as it is."""
        at = self.clock.now() + milliseconds(pause)

        def edit(study: Study) -> bool:
            if claim is None or study.claim_on(PULL) != claim:
                return False
            study.why = why
            study.schedule(PULL, at)
            return True

        change(self.store, claimed.study_uid, edit)
        return False


def _not_to_be_pulled(study: Study) -> bool:
    if study.state is State.META_ONLY:
        return False
    study.schedule(PULL, None)
    return True
