"""
Choose pulls: as many due studies as there are free places, the most urgent first, each with the PACS to move
it from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.find.vanished import gone_from, present_at
from ...domain.instants import milliseconds
from ...domain.pull.source_pacs import choose_pacs, failed_last_at
from ...domain.pull.throttle import Allowance
from ...domain.retry import lasts
from ...domain.study.lifecycle import State
from ...domain.study.priority import EMERGENCY, MANUAL
from ...domain.study.study import PULL, PacsCopy, Study, effective_priority
from ...ports import Clock, StudyStore
from .judge_orders import JudgeOrders
from .move_circuits import MoveCircuits
from .pacs_locks import PacsLocks
from .pull_policy import CLAIM_LEASE, PullPolicy
from .put_off import put_off


@dataclass(frozen=True)
class ChosenPull:
    """A study that this process has claimed, and the PACS to move it from."""

    study: Study
    pacs: str


@dataclass
class Places:
    """
    At one PACS: ``free`` ones for a rank of ``least`` at least, and ``manual`` ones only for what a person
    asked for.
    """

    free: int
    manual: int
    least: int
    probe: bool = False
    """The path from there is broken: the one that is pulled shows whether it still is."""

    @property
    def left(self) -> bool:
        """Whether any study may take one."""
        return self.free > 0 or self.manual > 0

    @property
    def least_now(self) -> int:
        """The lowest rank that may take the next one."""
        return self.least if self.free > 0 else MANUAL

    def take(self) -> None:
        """Give one away; a manual pull takes one of either kind."""
        self.free -= 1
        self.manual -= 1


@dataclass
class RoomGate:
    """
    While a study waits for room on the RAM disk nothing that comes after it takes the room away, for some
    time.

    Not for ever: one that is larger than the disk must not stop everybody.
    """

    _closed_at: int = 0
    _pause: timedelta = timedelta(0)
    _waits_since: dict[str, int] = field(default_factory=dict)

    def closed(self, now: int) -> bool:
        """Say whether a study waits for room now."""
        return lasts(self._closed_at, self._pause, now)

    def close(self, study_uid: str, now: int, pause: timedelta, longest: timedelta) -> None:
        """Keep the others back for a study that had no room."""
        since = self._waits_since.setdefault(study_uid, now)
        if lasts(since, longest, now):
            self._closed_at, self._pause = now, pause

    def entered(self, study_uid: str) -> None:
        """Forget a study that has found room."""
        self._waits_since.pop(study_uid, None)


@dataclass
class ChoosePulls:
    """One round's choice at the PACS whose lock this process holds."""

    store: StudyStore
    clock: Clock
    policy: PullPolicy
    owner: str
    locks: PacsLocks
    room: RoomGate
    unreachable: Callable[[], Collection[str]]
    pick: Callable[[Sequence[str]], str]
    paths: MoveCircuits
    orders: JudgeOrders | None = None

    def __call__(self, locked: set[str]) -> list[ChosenPull]:
        """
        Claim what is pulled now.

        Args:
            locked: The PACS whose locks are ours; those of mirrors are added as they are needed.
        """
        places = {name: self._places(name) for name in sorted(locked)}
        chosen: list[ChosenPull] = []
        for name in sorted(locked):
            chosen += self._fill(name, locked, places)
        return chosen

    def may_have_places(self, pacs: str) -> bool:
        """Look without the lock, which costs two writes; what is found is counted again under it."""
        return self.policy.limits[pacs] > 1 or self.store.running_at(pacs) < self.policy.limits[pacs]

    def _fill(self, name: str, locked: set[str], places: dict[str, Places]) -> Iterator[ChosenPull]:
        """Choose until the places at one PACS are taken, or nothing is due there."""
        while places[name].left:
            study = self._most_urgent_at(name, places[name].least_now)
            if study is None:
                return
            pacs = self._source(study, name, locked, places)
            if self._waits_for_mirror(study, pacs) or (
                places[pacs].probe and self._left_to_mirror(study, pacs)
            ):
                continue
            places[pacs].take()
            yield ChosenPull(study, pacs)

    def _source(self, study: Study, name: str, locked: set[str], places: dict[str, Places]) -> str:
        """
        Choose between the PACS that have a study and a free place; the one where it was found due when none
        has.
        """
        self._lock_mirrors(study, locked, places)
        if places[name].probe and not self._spared_the_probe(study, name):
            # Else mirrors would take every study, and nobody would learn that the path works again.
            return name
        free = [other for other, there in places.items() if there.free > 0 and not there.probe]
        return choose_pacs(study, free, self.unreachable(), self.pick) or name

    def _lock_mirrors(self, study: Study, locked: set[str], places: dict[str, Places]) -> None:
        """Lock the other PACS that have the study, and count their free places."""
        mirrors = [mirror for mirror in study.pacs if mirror in self.policy.limits and mirror not in locked]
        for mirror in self.locks.take(mirrors):
            locked.add(mirror)
            places[mirror] = self._places(mirror)

    def _waits_for_mirror(self, study: Study, pacs: str) -> bool:
        """
        What is gone from a PACS is not tried there while another has it, also when that one is busy or down
        now.
        """
        there = [name for name in present_at(study) if name in self.policy.limits]
        down = pacs in self.unreachable() and study.priority < MANUAL
        if not gone_from(study) or not there or (pacs in there and not down):
            return False
        self._wait(study, f"gone from {', '.join(gone_from(study))}; waits for {', '.join(there)}")
        return True

    def _wait(self, study: Study, why: str) -> None:
        claim = study.claim_on(PULL)
        put_off(self.store, self.clock, study.study_uid, claim, self.policy.room_pause, why)

    def _spared_the_probe(self, study: Study, pacs: str) -> bool:
        """
        An emergency does not try a broken path while a mirror has it, nor does a study that has just tried
        it.
        """
        urgent = effective_priority(study, self.clock.now(), self.policy.ageing) >= EMERGENCY
        return urgent or failed_last_at(study) == pacs

    def _left_to_mirror(self, study: Study, pacs: str) -> bool:
        """A mirror that is busy now is waited for by those that are not to be the probe."""
        others = [name for name in present_at(study) if name != pacs and name in self.policy.limits]
        there = [name for name in others if name not in self.unreachable() and self.paths.of(name).closed]
        if not there or not self._spared_the_probe(study, pacs):
            return False
        self._wait(study, f"nothing can be pulled from {pacs}; waits for {', '.join(there)}")
        return True

    def _places(self, pacs: str) -> Places:
        """
        Count the free places at a PACS.

        In asynchronous mode pulls may wait in Orthanc's job queue: a manual one is asked for all the same and
        is the next to start there, by its priority; a C-MOVE that runs is not interrupted.
        """
        running, limit = self.store.running_at(pacs), self.policy.limits[pacs]
        allowed = self.locks.allowance(pacs)
        probes = self.paths.of(pacs).places(running, self.clock.now())
        if probes is not None:
            return _places_of_probe(probes, running, allowed)
        waits_there = limit > 1 and self.store.running() >= self.policy.jobs
        by_hand = 2 * limit - running if waits_there else 0
        return Places(allowed.places - running, by_hand, allowed.least)

    def _most_urgent_at(self, pacs: str, least: int) -> Study | None:
        """
        Claim the most urgent due study of one PACS.

        At one that does not answer finds only what a person asked for is tried: the others would fail while
        it is down. A study that came unasked and lost its files is asked for everywhere, because no PACS is
        known to have it.
        """
        if pacs in self.unreachable():
            return self._wanted_by_order(pacs, MANUAL)
        if self.room.closed(self.clock.now()):
            least = MANUAL  # nothing overtakes what waits for room
        study = self._wanted_by_order(pacs, least) or self._wanted_by_order("", least)
        if study is not None and not study.pacs:
            study.pacs = {name: PacsCopy() for name in self.policy.limits}
        return study

    def _wanted_by_order(self, pacs: str, least: int) -> Study | None:
        """Claim the most urgent one; those that their orders hold or drop take no place from the others."""
        while True:
            study = self._claim(pacs, least)
            if study is None or study.state is not State.META_ONLY or self.orders is None:
                return study
            claim = study.claim_on(PULL)
            if self.orders(study):
                return study
            if not self.store.replace(study):
                put_off(self.store, self.clock, study.study_uid, claim, timedelta(0), study.why)

    def _claim(self, pacs: str, least: int) -> Study | None:
        now, lease = self.clock.now(), milliseconds(CLAIM_LEASE)
        return self.store.claim_pull(pacs, self.owner, now, lease, least, self.policy.ageing)


def _places_of_probe(probes: int, running: int, allowed: Allowance) -> Places:
    """
    Nothing is pulled while the path is broken, but the probe; what a person asks for need not wait for its
    time.
    """
    by_hand = 1 if running == 0 and allowed.places > 0 else 0
    return Places(min(probes, allowed.places), by_hand, allowed.least, probe=True)
