"""Pulls: from the journal to Orthanc's persistent retrieve jobs, and their end back into the journal."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pacs_module.domain.errors import PipelineError
from pacs_module.domain.explain import loglines
from pacs_module.domain.receive.reception_state import ReceptionState
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..journal.pulls import NEW, SUBMITTED, Pull, PullRows
from ..journal.receptions import ReceptionRows
from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from ..server.rest import OrthancRest, Unreachable
from .missing_images import Repair
from .retrieve import Job, Retrieve

_WATCH_S = 0.3
_AT_ONCE = 8
"""C-FINDs in flight: a PACS that is silent for minutes must not keep the others waiting."""


@dataclass(frozen=True)
class _End:
    error: str
    seconds: float


class Pulls(Worker):
    """
    Submits what is new and watches what runs; idle when there is neither.

    Args:
        rest: Orthanc.
        pulls: Their rows in the journal.
        receptions: A pull waits while its study is being deleted.
        aet: Our AE title, the move destination.
        repair: What a study lacks that lies here short.
        log: Gets the ``move:`` lines.
    """

    def __init__(
        self, rest: OrthancRest, pulls: PullRows, receptions: ReceptionRows, aet: str, repair: Repair, log: ContractLog
    ) -> None:
        super().__init__("pulls", log)
        self._pulls = pulls
        self._receptions = receptions
        self._retrieve = Retrieve(rest, aet)
        self._repair = repair
        self._submitting: set[str] = set()
        self._started_at = now_ms()
        self._unsure: set[str] = set()
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="submit")
        self.on_end: Callable[[], None] = lambda: None

    def step(self) -> float:
        """Submit and watch."""
        open_pulls = [pull for pull in self._pulls.unreported()]
        busy: set[str] = set()
        for pull in open_pulls:
            if pull.job_state == NEW and pull.request.study_uid not in busy:
                self._submit(pull)
            elif pull.job_state == SUBMITTED:
                self._watch(pull)
            busy.add(pull.request.study_uid)
        return _WATCH_S if any(pull.job_state in (NEW, SUBMITTED) for pull in open_pulls) else self.IDLE_S

    def _submit(self, pull: Pull) -> None:
        pull_id = pull.request.pull_id
        if pull_id in self._submitting or self._receptions.of_study(pull.request.study_uid, ReceptionState.DELETING):
            return
        self._submitting.add(pull_id)
        self._pool.submit(self._submit_now, pull)

    def _submit_now(self, pull: Pull) -> None:
        pull_id = pull.request.pull_id
        try:
            jobs = self._jobs_of(pull)
            reach("submitted")
            if jobs:
                self._pulls.submitted(pull_id, jobs)
            else:
                self._end(pull, _End("", 0), was_moved=False)
            reach("moving")
        except Unreachable:
            self._unsure.add(pull_id)  # Orthanc is stopping; the pull stays new
        except PipelineError as error:
            self._end(pull, _End(str(error), 0), was_moved=False)
        except Exception as error:
            self._end(pull, _End(f"{type(error).__name__}: {error}", 0), was_moved=False)
        finally:
            self._submitting.discard(pull_id)
            self.wake()

    def _jobs_of(self, pull: Pull) -> tuple[str, ...]:
        """Of a study that lies here short only what it lacks; no job when that has come meanwhile."""
        lacking = self._repair.lacking(pull.request)
        if lacking is not None:
            series = {uid: len(here) for uid, here in lacking.here.items()}
            self._log.event(
                "missing_images_pulled", "only what lacks is pulled",
                pullID=pull.request.pull_id, repair=pull.request.repair, here=series,
            )
        return self._retrieve.submit(pull.request, self._maybe_submitted_since(pull), lacking)

    def _maybe_submitted_since(self, pull: Pull) -> int | None:
        """Jobs are looked through only where one may be there that was not journaled: a thousand of them take a while."""
        unsure = pull.request.pull_id in self._unsure or pull.asked_at < self._started_at
        return pull.asked_at if unsure else None

    def _watch(self, pull: Pull) -> None:
        jobs = [self._retrieve.job(job_id) for job_id in pull.job_ids]
        known = [job for job in jobs if job is not None]
        if len(known) < len(jobs) and pull.conclusion is None:
            self._log.event(
                "job_lost", "Orthanc does not know the job any more; pulled again",
                pullID=pull.request.pull_id, jobs=pull.job_ids,
            )
            self._pulls.again(pull.request.pull_id)
        elif all(job.ended for job in known):
            self._end(pull, _end_of(known), was_moved=True)

    def _end(self, pull: Pull, end: _End, was_moved: bool) -> None:
        request = pull.request
        if was_moved:
            self._log.line(loglines.move(request.study_uid, request.pacs, end.seconds))
        if end.error:
            self._log.event(
                "pull_failed", "a pull failed",
                level="WARNING", studyUID=request.study_uid, pullID=request.pull_id, error=end.error,
            )
        self._pulls.ended(request.pull_id, now_ms(), end.error, end.seconds if was_moved else None)
        self.on_end()


def _end_of(jobs: list[Job]) -> _End:
    errors = sorted({job.error for job in jobs if job.error})
    return _End("; ".join(errors), sum(job.seconds for job in jobs))
