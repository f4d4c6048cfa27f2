"""
Retry path failures: studies that were given up for what was the path's fault, before anybody could tell (K4).

Since pulls carry their failure as a value no study is given up for a path. Those of before are pulled once
more, with all attempts before them; what fails then is judged as any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...domain.instants import iso, milliseconds
from ...domain.json_messages.pull_failure import PullFailure
from ...domain.pull.failure_blame import Blames, Us, judge_blame
from ...domain.pull.failure_words import read_failure
from ...domain.study.history import Note
from ...domain.study.lifecycle import Event, State
from ...domain.study.pull_state import PullOutcome
from ...domain.study.study import Study
from ...ports import Clock, EventLog, StudyStore
from ..update_study import update_study

LOOK_BACK = timedelta(days=30)
"""What was given up longer ago needs a person: its result would help nobody any more."""
MOST_AT_ONCE = 1000


@dataclass
class RetryPathFailures:
    """A step; what it has found once is not found again."""

    store: StudyStore
    clock: Clock
    log: EventLog

    def __call__(self) -> bool:
        """
        Put what the path was to blame for in line again.

        Returns:
            False: nothing more to do until the next time.

        Raises:
            RetriableError: The store is away.
        """
        since = iso(self.clock.now() - milliseconds(LOOK_BACK))
        given_up = self.store.given_up(since, MOST_AT_ONCE)
        blamed = [study for study in given_up if blamed_path(study)]
        for study in blamed:
            update_study(self.store, study.study_uid, self._again)
        if blamed:
            self.log.event(
                "path_failures_retried",
                "given up for the fault of the path, pulled again",
                "WARNING",
                studies=len(blamed),
            )
        return False

    def _again(self, study: Study) -> bool:
        words = blamed_path(study)
        if study.state is not State.PULL_FAILED or not words:
            return False
        now = self.clock.now()
        study.apply(Event.PATH_AT_FAULT, words, now)
        study.pull_now(now)
        return True


def blamed_path(study: Study) -> str:
    """
    What was wrong with the path when a study was given up, in words; empty: its own fault, or known since it
    has a value.
    """
    pull = study.pull
    if pull is None or pull.outcome is not PullOutcome.FAILED or pull.failure is not None:
        return ""
    blame = judge_blame(_failure_in_words(study), pull.request.pacs, Us())
    return blame.words if blame.blames in (Blames.PATH, Blames.EITHER) else ""


def _failure_in_words(study: Study) -> PullFailure:
    """Out of what the document says of the end."""
    ended = [entry.why for entry in study.history if entry.tells(Note.PULL_ENDED)]
    return read_failure(" ".join([study.why, *ended[-1:]]))
