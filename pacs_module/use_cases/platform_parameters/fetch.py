"""
Ask the platform for its parameters; a good set is written down before it takes effect, a bad one changes
nothing and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ...domain.errors import PermanentError, PipelineError, RetriableError
from ...domain.instants import iso
from ...domain.platform_parameters.parameter import PARAMETERS, Judged, ParameterSet, Told, judge
from ...ports import Clock, EventLog

MOST_HISTORY = 500


class Platform(Protocol):
    """The platform's parameter API."""

    def parameters(self) -> Told:
        """
        What it says now.

        Raises:
            PipelineError: It does not answer, or with something else.
        """
        ...


class Kept(Protocol):
    """Where the last good set and its history are kept."""

    def read(self) -> tuple[ParameterSet | None, list[dict[str, Any]]]:
        """
        The set, None when there is none, and the history, the newest first.

        Raises:
            Unreadable: What is kept is damaged.
        """
        ...

    def write(self, taken: ParameterSet, history: list[dict[str, Any]]) -> None:
        """Keep both, whole or not at all; raises RetriableError when they cannot be written."""
        ...


Apply = Callable[[Mapping[str, Any]], None]
"""Has values by setting take effect; raises ConfigurationError when a destination cannot have them."""


@dataclass
class FetchParameters:
    """
    The step of a loop, and what people see of it.

    Args:
        platform: Whom to ask.
        kept: The last good set, on this machine.
        check: Raises ConfigurationError when values (by setting) cannot be used together.
        apply: Has them take effect.
        clock: Of this machine.
        log: Gets each change, and each set that is not taken, once.
        pinned: Names of parameters that the site keeps to itself: what the platform says of them is told
            only.
        needed: Names that a set must have.
    """

    platform: Platform
    kept: Kept
    check: Apply
    apply: Apply
    clock: Clock
    log: EventLog
    pinned: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    in_force: ParameterSet | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    asked_at: str = ""
    problem: str = ""
    """Why the last set was not taken, or why nobody answered; empty: all is well."""
    unknown: tuple[str, ...] = ()
    _told: str = ""

    def begin(self) -> None:
        """What was good last is in force from the start, whether the platform is there or not."""
        try:
            self.in_force, self.history = self.kept.read()
            if self.in_force is None:
                return
            self.apply(self.settings_of(self.in_force))
        except PermanentError as error:
            self._tell(f"what is kept cannot be used: {error}")
            self.in_force = None

    def __call__(self) -> bool:
        """
        Ask once.

        Returns:
            False: nothing more to do until the next time.

        Raises:
            RetriableError: What is good cannot be written down: it does not take effect either.
        """
        self.asked_at = iso(self.clock.now())
        try:
            told = self.platform.parameters()
        except PipelineError as error:
            self._tell(error.public if isinstance(error, RetriableError) else str(error))
            return False
        judged = judge(told, self.in_force, self.needed)
        self.unknown = judged.unknown
        if judged.faults:
            self._tell("; ".join(one.words for one in judged.faults[:5]))
        elif judged.taken is None:
            self._tell("")
        else:
            self._take(judged, judged.taken)
        return False

    def settings_of(self, taken: ParameterSet) -> dict[str, Any]:
        """Values by setting of a destination, without those that the site has pinned."""
        return {
            PARAMETERS[name].setting: value for name, value in taken.values.items() if name not in self.pinned
        }

    def _take(self, judged: Judged, taken: ParameterSet) -> None:
        values = self.settings_of(taken)
        try:
            self.check(values)
        except PermanentError as error:
            self._tell(f"the values cannot be used together: {error}")
            return
        at = iso(self.clock.now())
        new = replace(taken, at=at)
        entries = [
            {
                "at": at, "version": taken.version, "name": one.name, "old": one.old, "new": one.new,
                "pinned": one.name in self.pinned,
            }
            for one in judged.changes
        ]  # fmt: skip
        history = [*reversed(entries), *self.history][:MOST_HISTORY]
        self.kept.write(new, history)
        self.apply(values)
        self.in_force, self.history = new, history
        for entry in entries:
            words = "a parameter was changed by the platform"
            self.log.event("parameter_changed", words, "WARNING", **entry)
        self._tell("")

    def _tell(self, problem: str) -> None:
        """Once for each new problem, and once when it is over."""
        self.problem = problem
        if problem == self._told:
            return
        self._told = problem
        if problem:
            words = "the platform's parameters are not taken; the last good ones stay in force"
            self.log.event("parameters_refused", words, "WARNING", why=problem)
        else:
            self.log.event("parameters_good", "the platform's parameters can be used again")
