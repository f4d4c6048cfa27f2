"""
What can go wrong at home without any server being away: our own SCP that takes no association any more, and
the clock.

Both are told (event and alarm). An Orthanc whose SCP is silent is ended where the site says so; who starts it
again, or sets a clock, is the machine's own service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ...domain.errors import PipelineError
from ...domain.instants import milliseconds
from ...ports import Clock, EventLog

FAILED_IN_ROW = 3
"""One C-ECHO may be refused by a busy SCP."""
MOST_DRIFT = timedelta(seconds=30)
"""Between the wall clock and a steady one, from one look to the next."""
TOLD_FOR = timedelta(hours=1)
MOST_SKEW = timedelta(minutes=2)
"""Between our clock and another server's."""


@dataclass
class WatchOwnScp:
    """
    The step of a loop.

    Args:
        echo: By the receiver's name: why it does not answer a C-ECHO; empty: it does; None: it was not asked.
        log: For events.
        shut_down: By the receiver's name: end it, once for each silence; none where people restart it.
        silent: Why one that had answered does not any more, by name: for the alarm.
    """

    echo: Mapping[str, Callable[[], str | None]]
    log: EventLog
    shut_down: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    _failed: dict[str, int] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)
    _to_end: set[str] = field(default_factory=set)
    """Silent, and not ended yet."""

    def __call__(self) -> bool:
        """Ask each; there is never more to do at once."""
        for name, echo in self.echo.items():
            why = None if self._is_beyond_us(name) else echo()
            if why:
                self._fails(name, why)
            elif why is not None:
                self._answers(name)
        return False

    def _is_beyond_us(self, name: str) -> bool:
        """
        Whether it has never answered: it may speak TLS only, or listen where we cannot reach it. It is left
        alone, for Orthanc writes down each of these.
        """
        return name not in self._answered and self._failed.get(name, 0) >= FAILED_IN_ROW

    def _fails(self, name: str, why: str) -> None:
        self._failed[name] = self._failed.get(name, 0) + 1
        if name in self._answered and self._failed[name] >= FAILED_IN_ROW and name not in self.silent:
            self.silent[name] = why
            words = "the receiving Orthanc does not answer its own C-ECHO: restart it"
            self.log.event("scp_silent", words, "ERROR", receiver=name, why=why)
            self._to_end |= {name} & self.shut_down.keys()
        if name in self._to_end:
            self._end(name)

    def _end(self, name: str) -> None:
        """Once for each silence: one that stays silent after its restart needs a person."""
        try:
            self.shut_down[name]()
        except PipelineError as error:  # asked again at the next look
            words = "the receiving Orthanc does not end"
            self.log.event("scp_not_ended", words, "ERROR", receiver=name, why=str(error))
            return
        self._to_end.discard(name)
        words = "the receiving Orthanc ends, to be started again by its supervisor"
        self.log.event("scp_ended", words, "WARNING", receiver=name)

    def _answers(self, name: str) -> None:
        self._answered.add(name)
        self._to_end.discard(name)
        self._failed[name] = 0
        if self.silent.pop(name, ""):
            self.log.event("scp_answers", "the receiving Orthanc answers C-ECHO again", receiver=name)


@dataclass
class WatchClock:
    """
    The step of a loop: whether the wall clock jumped, and whether other servers have another time.

    Args:
        clock: The hospital's, and a steady one.
        others: By name: another server's time in epoch milliseconds; None: it tells none.
        log: For events.
        wrong: What is wrong, in words, by what it was compared with: for the alarm.
    """

    clock: Clock
    others: Mapping[str, Callable[[], int | None]]
    log: EventLog
    wrong: dict[str, str] = field(default_factory=dict)
    _ahead: int | None = None
    """The wall clock before the steady one at the last look, in milliseconds."""
    _jumped_at: int = 0

    def __call__(self) -> bool:
        """Look; there is never more to do at once."""
        self._look_for_a_jump()
        for name, told in self.others.items():
            self._compare(name, told())
        return False

    def _look_for_a_jump(self) -> None:
        ahead = self.clock.now() - self.clock.steady()
        before, self._ahead = self._ahead, ahead
        drift = 0 if before is None else ahead - before
        if abs(drift) > milliseconds(MOST_DRIFT):
            self._jumped_at = self.clock.steady()
            words = f"the clock jumped by {drift / 1000:.0f} s"
            self._wrong("itself", words)
        elif "itself" in self.wrong and self.clock.steady() - self._jumped_at > milliseconds(TOLD_FOR):
            del self.wrong["itself"]

    def _compare(self, name: str, there: int | None) -> None:
        if there is None:
            return
        skew = self.clock.now() - there
        if abs(skew) > milliseconds(MOST_SKEW):
            side = "ahead of" if skew > 0 else "behind"
            minutes = abs(skew) / 60_000
            if name not in self.wrong:
                self._wrong(name, f"our clock is {minutes:.0f} minutes {side} that of {name}")
        elif self.wrong.pop(name, ""):
            self.log.event("clock_right", "our clock agrees with another one again", other=name)

    def _wrong(self, name: str, words: str) -> None:
        self.wrong[name] = words
        self.log.event("clock_wrong", words, "ERROR", other=name)
