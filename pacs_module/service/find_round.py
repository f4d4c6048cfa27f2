"""One PACS's rounds of finding: what is asked when, and what is known of the PACS's health."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ..adapters.metrics import FindMetrics
from ..domain.circuit import CIRCUIT_STATES, CLOSED, OPEN, CircuitEvent, CircuitState
from ..domain.errors import PipelineError, RetriableError, StoreAway
from ..domain.explain.outages import ServerFault
from ..domain.find.schedule import FindSchedule, due_windows
from ..domain.find.windows import Window
from ..ports import EventLog
from ..use_cases.find.find_studies import FindResult, FindStudies
from ..use_cases.recover.lease_holder import LeaseHolder
from .loop import epoch_ms

MAX_CHECKS = 5
"""In one round: growth checks never keep the finding waiting for long."""


@dataclass
class FindLoop:
    """
    The step of a PACS's find thread: a slow or dead PACS delays nobody but itself.

    The circuit is closed while the PACS answers, open after a failed round (the loop's pause doubles with
    each), and half-open while it is tried again.
    """

    pacs: str
    find: FindStudies
    days: Callable[[], list[date]]
    now: Callable[[], datetime]
    schedule: FindSchedule
    log: EventLog
    metrics: FindMetrics
    unreachable: set[str]
    wake_pull: Callable[[], None]
    check_growth: Callable[[str], int | None] = lambda pacs: None
    """Checks one study that nobody counts; how many queries it took, None: none was due."""
    max_checks: int = MAX_CHECKS
    leases: LeaseHolder | None = None
    """With several processes on a store one of them finds at this PACS; None: there is only this one."""
    circuit: CircuitState = CLOSED
    capped: bool = False
    fault: ServerFault | None = None
    """What the process that finds here, which is another one, says of the PACS."""
    _asked_at: dict[date, datetime] = field(default_factory=dict)
    _undecided: set[date] = field(default_factory=set)

    def __call__(self) -> bool:
        """
        One round.

        Raises:
            PipelineError: The first thing that went wrong, after all windows were tried.
        """
        if self.leases is not None and not self.leases.hold(self._lease):
            self._found_elsewhere(self.leases)
            return False
        try:
            return self._round()
        finally:
            if self.leases is not None and self.leases.memo(self._lease).get("circuit") != self.circuit:
                self.leases.note(self._lease, {"circuit": self.circuit})

    @property
    def found_by(self) -> str:
        """Which process finds here; empty: this one, there is no other."""
        return "" if self.leases is None else self.leases.holder(self._lease)

    @property
    def finds_here(self) -> bool:
        """Whether this process finds at this PACS, as far as it knows."""
        return self.leases is None or self.leases.holds(self._lease)

    @property
    def _lease(self) -> str:
        return f"find {self.pacs}"

    def _found_elsewhere(self, leases: LeaseHolder) -> None:
        """Another process finds here; what it knows of the PACS's health holds for us, too."""
        self.circuit = _state_of(leases.memo(self._lease))
        (self.unreachable.add if self.circuit is OPEN else self.unreachable.discard)(self.pacs)
        if self.circuit is CLOSED:
            self.fault = None
        elif self.fault is None:
            self.fault = ServerFault(
                f"PACS {self.pacs}", f"{self.found_by} finds there and gets no answer", epoch_ms()
            )

    def _round(self) -> bool:
        if self.circuit is OPEN:
            self.circuit = CIRCUIT_STATES.next(self.circuit, CircuitEvent.PROBED)
        self.fault = None
        begin = time.monotonic()
        failures = self._ask_due()
        if self.circuit is CLOSED:
            self._check_growth()
        self.metrics.seconds.labels(self.pacs).observe(time.monotonic() - begin)
        if failures:
            raise failures[0]
        return False

    def _ask_due(self) -> list[PipelineError]:
        """Ask for all windows that are due; what failed."""
        windows = due_windows(self.days(), self._asked_at, self._undecided, self.now(), self.schedule)
        return [error for window in windows if (error := self._window(window))]

    def _window(self, window: Window) -> PipelineError | None:
        """
        An answer that cannot be read says nothing against the PACS, nor does our own store; nothing against
        other windows.
        """
        asked_at = self.now()
        try:
            result = self.find(self.pacs, window)
        except StoreAway as error:
            return error
        except RetriableError as error:
            self._failed(reachable=False)
            return error
        except PipelineError as error:
            self._failed(reachable=True)
            return error
        self._answered(window, result, asked_at)
        return None

    def _check_growth(self) -> None:
        """A check that is not answered says nothing of the finds: it is due again later."""
        for _ in range(self.max_checks):
            try:
                queries = self.check_growth(self.pacs)
            except PipelineError as error:
                self.log.event(
                    "growth_check_failed",
                    "look again failed",
                    "WARNING",
                    pacs=self.pacs,
                    error=str(error),
                )
                return
            if queries is None:
                return
            self.metrics.queries.labels(self.pacs).inc(queries)

    def _answered(self, window: Window, result: FindResult, asked_at: datetime) -> None:
        if window.whole_day:
            self._asked_at[window.day] = asked_at
            self._undecided.discard(window.day)
        if result.undecided:
            self._undecided.add(window.day)
        self._turn(CircuitEvent.SUCCEEDED)
        self.capped = not result.complete
        self.unreachable.discard(self.pacs)
        self._count(result)
        if result.stable:
            self.wake_pull()

    def _count(self, result: FindResult) -> None:
        metrics, pacs = self.metrics, self.pacs
        metrics.queries.labels(pacs).inc(result.queries)
        metrics.answers.labels(pacs).inc(result.answers)
        metrics.reachable.labels(pacs).set(1)
        metrics.capped.labels(pacs).set(self.capped)

    def _failed(self, reachable: bool) -> None:
        self.metrics.failures.labels(self.pacs).inc()
        self.metrics.reachable.labels(self.pacs).set(reachable)
        if not reachable:
            self.unreachable.add(self.pacs)
            self._turn(CircuitEvent.FAILED if self.circuit is OPEN else CircuitEvent.TRIPPED)

    def _turn(self, event: CircuitEvent) -> None:
        before, self.circuit = self.circuit, CIRCUIT_STATES.next(self.circuit, event)
        if self.circuit is not before:
            level = "WARNING" if self.circuit is OPEN else "INFO"
            self.log.event(
                f"pacs_circuit_{self.circuit}",
                f"circuit of {self.pacs} is {self.circuit}",
                level,
                pacs=self.pacs,
            )


def _state_of(memo: Mapping[str, object]) -> CircuitState:
    """What the process that finds there has written down; a word of another version counts as closed."""
    told = memo.get("circuit")
    return CircuitState(told) if isinstance(told, str) and told in tuple(CircuitState) else CLOSED
