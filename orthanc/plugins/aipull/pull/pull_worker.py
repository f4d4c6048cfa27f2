"""Pulls: from the journal to C-MOVEs, and their end back into the journal."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Collection

from pacs_module.domain.explain import loglines
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.pull.crash_blame import Waiting, to_begin
from pacs_module.domain.pull.move_state import MoveState
from pacs_module.domain.receive.reception_state import ReceptionState
from pacs_module.shared.crash_points import reach
from pacs_module.shared.logs import ContractLog

from ..journal.pulls import Pull, PullRows
from ..journal.receptions import ReceptionRows
from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from ..server.orthanc_client import OrthancClient, Unreachable
from .c_move import CMoves, Moved
from .missing_images import Lacking, MissingImages

_LOOK_S = 0.3
_AWAY_S = 1.0
_NOT_MOVED = (FailureKind.UNREACHABLE, FailureKind.REFUSED, FailureKind.NOT_SUPPORTED, FailureKind.OURSELVES)
"""The PACS never had the request: no ``move:`` line."""


class PullWorker(Worker):
    """
    Begins what is new, each pull in a thread of its own that lasts as long as its C-MOVEs; idle when nothing
    is open.

    Args:
        rest: Orthanc.
        pulls: Their rows in the journal.
        receptions: A pull waits while its study is being deleted.
        aet: Our AE title, the move destination.
        at_once: Pulls that may move at the same time.
        repair: What a study lacks that lies here short.
        log: Gets the ``move:`` lines.
        on_end: Called when a pull has ended.
    """

    def __init__(
        self, rest: OrthancClient, pulls: PullRows, receptions: ReceptionRows, aet: str, at_once: int,
        repair: MissingImages,
        log: ContractLog, on_end: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__("pulls", log)
        self._pulls = pulls
        self._receptions = receptions
        self._retrieve = CMoves(rest, aet, pulls.came_before)
        self._at_once = at_once
        self._repair = repair
        self._on_end = on_end
        self._moving: dict[str, threading.Thread] = {}

    def step(self) -> float:
        """Start the pulls that may start."""
        open_pulls = [pull for pull in self._pulls.unreported() if pull.job_state is not MoveState.ENDED]
        waiting = self._waiting(open_pulls)
        chosen = self._chosen(waiting, open_pulls)
        for pull in waiting:
            if pull.request.pull_id in chosen:
                self._begin_pull(pull)
        return _LOOK_S if open_pulls else self.IDLE_S

    def _chosen(self, waiting: list[Pull], open_pulls: list[Pull]) -> Collection[str]:
        """The pulls that may begin now, by their id."""
        moving = [pull for pull in open_pulls if pull.request.pull_id in self._moving]
        suspect = any(pull.suspect for pull in moving)
        asking = [
            Waiting(one.request.pull_id, one.number, one.request.priority, one.suspect) for one in waiting
        ]
        return to_begin(asking, len(self._moving), self._at_once, suspect)

    def _waiting(self, open_pulls: list[Pull]) -> list[Pull]:
        """The first open pull of each study, if it does not move and its study is not being deleted."""
        first: dict[str, Pull] = {}
        for pull in open_pulls:
            first.setdefault(pull.request.study_uid, pull)
        return [
            pull
            for study, pull in first.items()
            if pull.request.pull_id not in self._moving
            and not self._receptions.of_study(study, ReceptionState.DELETING)
        ]

    def _begin_pull(self, pull: Pull) -> None:
        pull_id = pull.request.pull_id
        thread = threading.Thread(target=self._move, args=(pull,), name=f"pull {pull_id}", daemon=True)
        self._moving[pull_id] = thread
        thread.start()

    def _move(self, begun: Pull) -> None:
        request = begun.request
        pull = self._pulls.get(request.pull_id)
        try:
            if pull is None or pull.job_state is MoveState.ENDED:
                return  # it ended between two looks
            self._end(request, self._moved(pull))
        except Unreachable:
            self._again(request)  # Orthanc is stopping, or overloaded
            time.sleep(_AWAY_S)
        except Exception as error:
            self._end_unexpectedly(request, error)
        finally:
            self._moving.pop(request.pull_id, None)
            self.wake()

    def _end_unexpectedly(self, request: PullRequest, error: Exception) -> None:
        """To be called where the error is handled: its trace is logged."""
        words = f"{type(error).__name__}: {error}"
        told = {"pullID": request.pull_id, "error": words, "trace": traceback.format_exc()}
        self._log.event("pull_unexpected", "a pull failed unexpectedly", level="ERROR", **told)
        self._end(request, Moved([PullFailure(FailureKind.OURSELVES, words=words)]))

    def _moved(self, pull: Pull) -> Moved | None:
        """Of a study that lies here short only what it lacks; None when that has come meanwhile."""
        request = pull.request
        lacking = self._repair.lacking(request)
        if lacking is not None:
            self._tell_lacking(request, lacking)
        moves = self._retrieve.plan(request, lacking)
        if not moves:
            return None
        if pull.job_state is MoveState.NEW:
            # Before anything can arrive: the death of this process is charged to the pulls that are noted
            # here.
            self._pulls.submitted(request.pull_id, len(moves))
        reach("submitted")
        return self._retrieve.carry_out(request, moves, at_each=_moving)

    def _tell_lacking(self, request: PullRequest, lacking: Lacking) -> None:
        self._log.event(
            "missing_images_pulled",
            "only what lacks is pulled",
            pullID=request.pull_id,
            repair=request.repair,
            here={uid: len(images) for uid, images in lacking.here.items()},
        )

    def _again(self, request: PullRequest) -> None:
        row = self._pulls.get(request.pull_id)
        if row is not None and row.job_state is MoveState.SUBMITTED:
            self._pulls.again(request.pull_id)

    def _end(self, request: PullRequest, moved: Moved | None) -> None:
        if moved is None:
            self._pulls.ended(request.pull_id, now_ms(), "", None)
        else:
            self._end_moved(request, moved)
        self._on_end()

    def _end_moved(self, request: PullRequest, moved: Moved) -> None:
        failure = moved.failures[0] if moved.failures else None
        seconds = _seconds_of(moved)
        if seconds is not None:
            self._log.line(loglines.move(request.study_uid, request.pacs, seconds))
        if failure is not None:
            self._tell_failure(request, failure, moved.error)
        self._pulls.ended(request.pull_id, now_ms(), moved.error, seconds, failure)

    def _tell_failure(self, request: PullRequest, failure: PullFailure, error: str) -> None:
        self._log.event(
            "pull_failed",
            "a pull failed",
            level="WARNING",
            studyUID=request.study_uid,
            pullID=request.pull_id,
            kind=failure.kind.value,
            status=failure.status,
            error=error,
        )


def _seconds_of(moved: Moved) -> float | None:
    """How long the moves took; None: the first failure says that nothing moved."""
    failed = moved.failures[0].kind if moved.failures else None
    return None if failed in _NOT_MOVED else moved.seconds


def _moving() -> None:
    """Beside the C-MOVE and not before it: a crash there meets images on their way."""
    threading.Thread(target=lambda: reach("moving"), name="moving", daemon=True).start()
