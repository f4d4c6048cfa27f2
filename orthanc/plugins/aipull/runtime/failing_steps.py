"""
Steps of the reception that fail: told once for each new reason, and given up when they always do (K8).

In memory: after a restart each of them is tried anew.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from datetime import timedelta

from pacs_module.domain.errors import PipelineError, RetriableError
from pacs_module.domain.receive.give_up import Failing, is_given_up
from pacs_module.shared.logs import ContractLog

_PASSING = (RetriableError, OSError, MemoryError)


@dataclass
class _Step:
    """``since``: of ``time.monotonic``; ``others``: studies that had come through by then."""

    since: float
    others: int
    tries: int = 0
    words: str = ""
    passing: bool = False


class FailingSteps:
    """
    Of all studies; a step is named by what it does and by its study.

    Args:
        log: Told of each new reason.
    """

    def __init__(self, log: ContractLog) -> None:
        self._log = log
        self._steps: dict[tuple[str, str], _Step] = {}
        self._came_through = 0

    def failed(self, what: str, study_uid: str, error: Exception) -> None:
        """Note that a step has failed; to be called where the error is handled, its trace is logged."""
        step = self._steps.setdefault((what, study_uid), _Step(time.monotonic(), self._came_through))
        step.tries += 1
        step.passing = isinstance(error, _PASSING)
        words = words_of(error)
        if step.words != words:
            step.words = words
            self._tell(study_uid, error, words)

    def succeeded(self, what: str, study_uid: str) -> None:
        """It has not failed this time."""
        self._steps.pop((what, study_uid), None)

    def came_through(self) -> None:
        """A study was concluded: what else fails is no fault of disk or Orthanc."""
        self._came_through += 1

    def is_given_up(self, what: str, study_uid: str) -> bool:
        """Whether a step has failed too often."""
        step = self._steps.get((what, study_uid))
        if step is None:
            return False
        lasting = timedelta(seconds=time.monotonic() - step.since)
        return is_given_up(Failing(step.tries, lasting, self._came_through - step.others, step.passing))

    def forget(self, study_uid: str) -> None:
        """Nothing more is done with a study."""
        for what, study in list(self._steps):
            if study == study_uid:
                self._steps.pop((what, study))

    def _tell(self, study_uid: str, error: Exception, words: str) -> None:
        trace = {} if _is_foreseen(error) else {"trace": "".join(traceback.format_exception(error))}
        self._log.event(
            "reception_step_failed", "a study will be looked at again",
            level="ERROR" if trace else "WARNING", studyUID=study_uid, error=words, **trace,
        )  # fmt: skip


def words_of(error: Exception) -> str:
    """An error in one line."""
    return str(error) if _is_foreseen(error) else f"{type(error).__name__}: {error}"


def _is_foreseen(error: Exception) -> bool:
    """One of ours, or of the system: the disk is full."""
    return isinstance(error, (PipelineError, OSError))
