"""
The paths of the moves from each PACS: kept beside the leases, so that all processes and the next start know
them (K4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...domain.circuit import CircuitPolicy
from ...domain.errors import PipelineError
from ...domain.explain.outages import ServerFault
from ...domain.instants import iso
from ...domain.json_messages.pull_failure import PullFailure
from ...domain.pull.failure_blame import Blame, Us, judge_blame
from ...domain.pull.move_circuit import PATH_POLICY, MoveCircuit, path_memo, path_of
from ...ports import Clock, EventLog, Leases, Memo


@dataclass
class MoveCircuits:
    """
    What is known of the path from each PACS to the receiving Orthanc.

    ``us``: the move destination, for people; ``disk_full``: whether the RAM disk refuses images.
    """

    leases: Leases
    clock: Clock
    log: EventLog
    us: Callable[[], Us] = Us
    disk_full: Callable[[], bool] = lambda: False
    policy: CircuitPolicy = PATH_POLICY
    us_at: Callable[[str], Us] | None = None
    """The move destination of each receiver by its name, where there are several."""
    _known: dict[str, MoveCircuit] = field(default_factory=dict)
    """As read last: what is shown while the store is away."""

    def of(self, pacs: str) -> MoveCircuit:
        """
        Read what is known of a path.

        Raises:
            RetriableError: The store is away.
        """
        path = self._known[pacs] = path_of(self.leases.memo(_name(pacs)))
        return path

    def of_now(self, pacs: str) -> MoveCircuit:
        """Read what is known of a path; as it was read last where the store is away."""
        try:
            return self.of(pacs)
        except PipelineError:
            return self._known.get(pacs, MoveCircuit())

    def judge(self, pacs: str, failure: PullFailure, new_images: int, receiver: str = "") -> Blame:
        """Say whose fault the failure of a pull is."""
        us = self.us() if self.us_at is None else self.us_at(receiver)
        return judge_blame(failure, pacs, us, new_images, self.disk_full())

    def came_through(self, pacs: str, study_uid: str) -> None:
        """A study has come: the path works."""
        self._turn(pacs, lambda path, now: path.came_through(study_uid, now))

    def failed(self, pacs: str, study_uid: str, blame: Blame) -> None:
        """A pull has failed."""
        self._turn(pacs, lambda path, now: path.failed(study_uid, blame, now, self.policy))

    def probing(self, pacs: str) -> None:
        """The pull that is asked for now is the probe, where the path is not closed."""
        if not self.of(pacs).closed:
            self._turn(pacs, lambda path, now: path.probing(now))

    def fault(self, pacs: str) -> ServerFault | None:
        """Say why nothing is pulled from a PACS, without asking the store; None: it is pulled."""
        path = self._known.get(pacs, MoveCircuit())
        return (
            None
            if path.closed
            else ServerFault(f"moves from PACS {pacs}", path.told, path.circuit.away_since)
        )

    def told(self, pacs: str) -> dict[str, Any]:
        """Show a path, for health and the debug API; as it was read last where the store is away."""
        path = self.of_now(pacs)
        circuit = path.circuit
        return {
            "circuit": circuit.state.value,
            "since": iso(circuit.away_since) if circuit.away_since else None,
            "failuresInRow": circuit.failures,
            "retryAt": None if path.closed else iso(circuit.retry_at),
            "cause": path.cause,
            "why": path.told,
            "lastCameAt": iso(path.came_at) if path.came_at else None,
        }

    def _turn(self, pacs: str, change: Callable[[MoveCircuit, int], MoveCircuit]) -> None:
        before = MoveCircuit()

        def edit(memo: Memo) -> Memo:
            nonlocal before
            before = path_of(memo)
            return path_memo(change(before, self.clock.now()))

        after = self._known[pacs] = path_of(self.leases.edit(_name(pacs), edit))
        self._tell(pacs, before, after)

    def _tell(self, pacs: str, before: MoveCircuit, after: MoveCircuit) -> None:
        if after.closed and not before.closed:
            self.log.event(
                "move_path_closed",
                f"pulls from {pacs} work again",
                pacs=pacs,
                afterFailures=before.circuit.failures,
            )
        elif after.circuit.opened > before.circuit.opened:
            words = f"nothing can be pulled from {pacs}; no study is charged with it"
            self.log.event(
                "move_path_open", words, "WARNING",
                pacs=pacs, cause=after.cause, why=after.told, retryAt=iso(after.circuit.retry_at),
                inRow=after.circuit.opened,
            )  # fmt: skip


def _name(pacs: str) -> str:
    return f"move {pacs}"
