"""
The path of the moves from one PACS: is it open, and is a study to blame for a pull that failed? (K4)

A study that fails is judged by its company. What can only be the path's fault is never charged to it, what
can only be its own always is; anything else is charged when another study of the same PACS has come through
since. While the circuit is open, nothing is charged, and one pull at a time is the probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..circuit import CLOSED, HALF_OPEN, OPEN, Circuit, CircuitPolicy, CircuitState
from ..retry import RetryPolicy
from ..study.pull_state import Charge
from .failure_blame import Blame, Blames

PATH_POLICY = CircuitPolicy(2, RetryPolicy(1, timedelta(seconds=10), timedelta(seconds=60)))
"""Two failures that may be the path's, in a row, or one that proves it, open the circuit."""
_OTHERS = 2
"""So many studies failing without a reason, beside this one, are no coincidence."""
_MOST_KEPT = 20


@dataclass(frozen=True)
class MoveCircuit:
    """
    What is known of the moves from one PACS.

    ``came_at`` (epoch milliseconds) and ``came``: the last study that came through. ``failing``:
    StudyInstanceUIDs that have failed since, oldest first; ``suspects``: those that had failed when another
    came through, and have not come since. ``cause`` and ``told``: of the last failure, what is wrong and what
    to do.
    """

    circuit: Circuit = field(default_factory=Circuit)
    came_at: int = 0
    came: str = ""
    failing: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    cause: str = ""
    told: str = ""

    @property
    def closed(self) -> bool:
        """Whether everybody may be pulled."""
        return self.circuit.state is CLOSED

    def came_through(self, study_uid: str, now: int) -> MoveCircuit:
        """
        The path after a study that came.

        Those that failed beside it are suspect from now on; not those of an outage, which was the path's.
        """
        failed = (*self.suspects, *self.failing) if self.closed else self.suspects
        suspects = tuple(uid for uid in dict.fromkeys(failed) if uid != study_uid)[-_MOST_KEPT:]
        return MoveCircuit(self.circuit.succeeded(now), now, study_uid, suspects=suspects)

    def failed(
        self, study_uid: str, blame: Blame, now: int, policy: CircuitPolicy = PATH_POLICY
    ) -> MoveCircuit:
        """The path after a pull that failed."""
        if blame.blames is Blames.STUDY:
            return self
        failing = tuple(dict.fromkeys((*self.failing, study_uid)))[-_MOST_KEPT:]
        after = replace(self, failing=failing)
        if self._its_own(study_uid, blame):
            return after
        circuit = self.circuit.failed(blame.told, now, policy, down=blame.at_once)
        return replace(after, circuit=circuit, cause=blame.cause, told=blame.told)

    def charge(self, study_uid: str, blame: Blame) -> Charge:
        """Say whether a pull that failed counts as an attempt of its study."""
        if blame.blames is Blames.STUDY:
            return Charge.CHARGED
        if blame.blames is Blames.PATH or not self.closed:
            return Charge.NOT_CHARGED
        return Charge.CHARGED if self._its_own(study_uid, blame) else Charge.PENDING

    def _its_own(self, study_uid: str, blame: Blame) -> bool:
        """Say whether the study is to blame, as far as the path is closed and the company it has tells."""
        others = [uid for uid in self.failing if uid != study_uid]
        if blame.blames is Blames.UNTOLD:
            return len(others) < _OTHERS
        return blame.blames is Blames.EITHER and study_uid in self.suspects and not others

    def places(self, running: int, now: int) -> int | None:
        """
        Say how many pulls may be started here: None, as many as ever; 1, the probe; 0, nobody.

        A probe that vanished (its process died, a person cancelled it) leaves its place when nothing runs any
        more.
        """
        if self.closed:
            return None
        if running or (self.circuit.state is OPEN and not self.circuit.may_probe(now)):
            return 0
        return 1

    def probing(self, now: int) -> MoveCircuit:
        """The path when the probe is asked for."""
        lost = self.circuit.unprobed(now) if self.circuit.state is HALF_OPEN else self.circuit
        return replace(self, circuit=lost.probing(now)) if lost.state is OPEN else self

    def pause(self, now: int, suspect: bool) -> timedelta:
        """
        Say when a study that failed here is tried again.

        One that may be to blame itself waits for longer than the next probe, so that the next probe is
        another study.
        """
        left = timedelta(milliseconds=max(self.circuit.retry_at - now, 0))
        return 2 * left if suspect else left


def path_memo(path: MoveCircuit) -> dict[str, object]:
    """A path to be kept, as plain JSON."""
    circuit = path.circuit
    return {
        "state": circuit.state.value, "failures": circuit.failures, "opened": circuit.opened,
        "since": circuit.since,
        "retryAt": circuit.retry_at, "awaySince": circuit.away_since, "cameAt": path.came_at,
        "came": path.came,
        "failing": list(path.failing), "suspects": list(path.suspects), "cause": path.cause,
        "told": path.told,
    }  # fmt: skip


def path_of(memo: Mapping[str, object]) -> MoveCircuit:
    """A path as it was kept; what cannot be read counts as closed, and is learned again."""
    if _text(memo, "state") not in tuple(CircuitState):
        return MoveCircuit()
    return MoveCircuit(
        _circuit_of(memo),
        came_at=_number(memo, "cameAt"),
        came=_text(memo, "came"),
        failing=_texts(memo, "failing"),
        suspects=_texts(memo, "suspects"),
        cause=_text(memo, "cause"),
        told=_text(memo, "told"),
    )


def _circuit_of(memo: Mapping[str, object]) -> Circuit:
    return Circuit(
        CircuitState(_text(memo, "state")),
        failures=_number(memo, "failures"),
        opened=_number(memo, "opened"),
        since=_number(memo, "since"),
        retry_at=_number(memo, "retryAt"),
        why=_text(memo, "told"),
        away_since=_number(memo, "awaySince"),
    )


def _number(memo: Mapping[str, object], key: str) -> int:
    value = memo.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _text(memo: Mapping[str, object], key: str) -> str:
    value = memo.get(key)
    return value if isinstance(value, str) else ""


def _texts(memo: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = memo.get(key)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list | tuple) else ()
