"""
Pull the studies of a past span that the rules in force would compute and that nothing was handed over of.

They go in the usual order of pulls, without pushing ahead of anybody, and never more of them than was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ...domain.errors import MessageError
from ...domain.study.lifecycle import Event, State
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study
from .rehearse import Rehearse

MAX_BUDGET = 10_000
_WHY = "the rules in force would take it"


@dataclass(frozen=True)
class ToPull:
    """A study, and the images that the AI would compute of it."""

    study_uid: str
    images: int


@dataclass(frozen=True)
class PullPlan:
    """
    What would be pulled.

    Args:
        studies: The newest first, at most as many as the budget says.
        images: In all of them.
        left: So many more are beyond the budget.
        rules: Version of the rules that would take them.
    """

    studies: tuple[ToPull, ...]
    images: int
    left: int
    rules: str


@dataclass
class PullNewlyTaken:
    """Plans first; what was planned is pulled with who and why."""

    rehearse: Rehearse
    store: StudyStore
    clock: Clock
    log: EventLog

    def plan(self, first: date, last: date, budget: int) -> PullPlan:
        """
        The studies whose recorded series the rules in force would compute and that nothing was handed over
        of.

        Raises:
            MessageError: The budget is no number from 1 on.
        """
        if not 1 <= budget <= MAX_BUDGET:
            raise MessageError("budget", budget, f"a number of studies, 1 to {MAX_BUDGET}")
        found = self.rehearse.newly_computed(first, last)
        waiting = [ToPull(uid, images) for uid, images in found if self._is_filtered(self.store.get(uid))]
        chosen = tuple(waiting[:budget])
        version = self.rehearse.rules().version
        return PullPlan(chosen, sum(one.images for one in chosen), len(waiting) - len(chosen), version)

    def __call__(self, studies: Sequence[str], by: str, why: str) -> list[str]:
        """
        Have studies pulled.

        Returns:
            Those that are to be pulled now; one that has gone on since it was planned is left alone.

        Raises:
            MessageError: Nobody says who and why.
        """
        for key, text in (("by", by), ("why", why)):
            if not text.strip():
                raise MessageError(key, text, "it must be said, for the studies' history")
        done = [uid for uid in studies if self._pull(uid, by, why)]
        self.log.event(
            "newly_taken_pulled",
            "studies that other rules take are to be pulled",
            studyUIDs=done,
            by=by,
            why=why,
        )
        return done

    def _pull(self, uid: str, by: str, why: str) -> bool:
        done = False

        def edit(study: Study) -> bool:
            nonlocal done
            done = self._is_filtered(study)
            if done:
                now = self.clock.now()
                study.apply(Event.MANUAL, f"{_WHY}: {why}", now, by=by)
                study.pull_now(now)
            return done

        update_study(self.store, uid, edit)
        return done

    def _is_filtered(self, study: Study | None) -> bool:
        """Said by our filters, not by the backend: nothing of it was ever handed over."""
        return study is not None and study.state is State.UNSUPPORTED_SERIES and not study.handovers
