"""Pulls in the journal: asked for, submitted, ended, concluded, reported."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace
from functools import lru_cache

from pacs_module.domain.json_messages.documents import from_document, to_document
from pacs_module.domain.json_messages.messages import PullReport, PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.pull.move_state import MOVE_STATES, UNDER_WAY, MoveEvent, MoveState

from ..runtime.clock import now_ms
from .charges import Charged, ChargeRows
from .journal import Journal, as_text

_READ_KEPT = 32
_PUT_BACK = "put_back"
"""JSON: when pulls were put back, in epoch milliseconds, by their id."""
_SENDS_ON_MS = 60_000
"""So long a PACS may go on with a C-MOVE whose receiver has died."""
NEW, SUBMITTED, ENDED = MoveState.NEW, MoveState.SUBMITTED, MoveState.ENDED


@dataclass(frozen=True)
class Pull:
    """
    One pull.

    ``moves``: how many C-MOVEs it was begun with; ``suspect``: its study moved when Orthanc died, and is
    moved alone until it has ended. ``conclusion`` says what became of the images
    and may be there before the job's end, because completeness can be proved early; ``report`` is made when
    both are known.
    """

    number: int
    request: PullRequest
    asked_at: int
    job_state: MoveState
    moves: int
    ended_at: int | None
    error: str
    move_seconds: float | None
    conclusion: PullReport | None
    report: PullReport | None
    failure: PullFailure | None = None
    suspect: bool = False

    @property
    def is_set_aside(self) -> bool:
        """Whether Orthanc died of it."""
        return self.failure is not None and self.failure.kind is FailureKind.POISON


class PullRows:
    """What is asked of the table ``pulls``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._charges = ChargeRows(journal)

    def add(self, request: PullRequest, now: int) -> None:
        """Note a new pull, a suspect when its study is charged; one with the same id stays as it is."""
        suspect = self._charges.of(request.study_uid) != Charged()
        self._journal.write(
            (
                "INSERT INTO pulls (pull_id, study_uid, request, asked_at, suspect) VALUES (?, ?, ?, ?, ?) ON "
                "CONFLICT (pull_id) DO NOTHING"
            ),
            request.pull_id, request.study_uid, as_text(to_document(request)), now, int(suspect),
        )  # fmt: skip

    def get(self, pull_id: str) -> Pull | None:
        """A pull by its id."""
        row = self._journal.row("SELECT * FROM pulls WHERE pull_id = ?", pull_id)
        return read_pull(row) if row else None

    def unreported(self, study_uid: str | None = None) -> list[Pull]:
        """Pulls without a report, oldest first; of one study or of all."""
        if study_uid is None:
            rows = self._journal.rows("SELECT * FROM pulls WHERE report IS NULL ORDER BY number")
        else:
            query = "SELECT * FROM pulls WHERE report IS NULL AND study_uid = ? ORDER BY number"
            rows = self._journal.rows(query, study_uid)
        return [read_pull(row) for row in rows]

    def current(self, study_uid: str) -> Pull | None:
        """The pull that arriving images belong to: the oldest one of the study that is not concluded."""
        return next((pull for pull in self.unreported(study_uid) if pull.conclusion is None), None)

    def last(self, study_uid: str) -> Pull | None:
        """The newest pull of a study."""
        row = self._journal.row(
            "SELECT * FROM pulls WHERE study_uid = ? ORDER BY number DESC LIMIT 1", study_uid
        )
        return read_pull(row) if row else None

    def came_before(self, pacs: str, study_uid: str) -> str:
        """The study that came last from a PACS, beside this one; empty: none is known."""
        row = self._journal.row(
            "SELECT study_uid FROM pulls WHERE study_uid != ? AND json_extract(request, '$.pacs') = ? AND "
                "json_extract(report, '$.outcome') = 'received' ORDER BY number DESC LIMIT 1",
            study_uid, pacs,
        )  # fmt: skip
        return str(row["study_uid"]) if row else ""

    def submitted(self, pull_id: str, moves: int) -> None:
        """Its C-MOVEs begin now."""
        with self._journal.transaction():
            after = self._after(pull_id, MoveEvent.SUBMIT)
            self._journal.write(
                "UPDATE pulls SET job_state = ?, moves = ? WHERE pull_id = ?", after, moves, pull_id
            )

    def again(self, pull_id: str, suspect: bool = False) -> None:
        """
        To be moved again: the process that moved it has ended.

        Args:
            pull_id: Of a pull that is not reported.
            suspect: Of the death of that process; without it the pull stays what it was.
        """
        with self._journal.transaction():
            after = self._after(pull_id, MoveEvent.RESTART)
            self._journal.write("UPDATE pulls SET job_state = ? WHERE pull_id = ?", after, pull_id)
            if suspect:
                self._journal.write("UPDATE pulls SET suspect = 1 WHERE pull_id = ?", pull_id)
            put_back = {**self._put_back(now_ms()), pull_id: now_ms()}
            self._journal.set_meta(_PUT_BACK, as_text(put_back))

    def may_still_come(self) -> list[Pull]:
        """
        Pulls that do not move and did a moment ago: their PACS may not have noticed, and send on.
        """
        lately = self._put_back(now_ms())
        waiting = [pull for pull in self.unreported() if pull.job_state is NEW]
        return [pull for pull in waiting if pull.request.pull_id in lately]

    def _put_back(self, now: int) -> dict[str, int]:
        """When the pulls that were put back lately were, in epoch milliseconds, by their id."""
        known: dict[str, int] = json.loads(self._journal.meta(_PUT_BACK, "{}"))
        return {pull_id: at for pull_id, at in known.items() if now - at < _SENDS_ON_MS}

    def ended(
        self,
        pull_id: str,
        now: int,
        error: str,
        move_seconds: float | None,
        failure: PullFailure | None = None,
    ) -> None:
        """
        No more images come from this pull; where they are judged already the report is due (:meth:`report`).

        One whose moves ran to their end without a failure has killed nobody: its study's charges are
        forgotten.
        """
        with self._journal.transaction():
            after = self._after(pull_id, MoveEvent.END)
            self._journal.write(
                "UPDATE pulls SET job_state = ?, ended_at = ?, error = ?, move_seconds = ?, "
                    "failure = ?, suspect = 0 "
                "WHERE pull_id = ?",
                after, now, error, move_seconds, as_text(to_document(failure)) if failure else None, pull_id,
            )  # fmt: skip
            if failure is None and move_seconds is not None:
                self._forget_charges(pull_id)

    def _forget_charges(self, pull_id: str) -> None:
        pull = self.get(pull_id)
        if pull is not None:
            self._charges.forget(pull.request.study_uid)

    def _after(self, pull_id: str, event: MoveEvent) -> MoveState:
        row = self._journal.row("SELECT job_state FROM pulls WHERE pull_id = ?", pull_id)
        return MOVE_STATES.next(MoveState(row["job_state"] if row else MoveState.NEW), event)

    def conclude(self, pull: Pull, conclusion: PullReport) -> None:
        """Note what became of the images; the report goes out here when the job has ended already."""
        with self._journal.transaction():
            self._journal.write(
                "UPDATE pulls SET conclusion = ? WHERE pull_id = ?",
                as_text(to_document(conclusion)),
                pull.request.pull_id,
            )
            self.report(pull.request.pull_id, conclusion)

    def report(self, pull_id: str, conclusion: PullReport) -> None:
        """Owe pacs_module the report of a pull whose job has ended; a second time changes nothing."""
        with self._journal.transaction():
            pull = self.get(pull_id)
            if pull is None or pull.report is not None or pull.job_state in UNDER_WAY:
                return
            document = to_document(_with_end(conclusion, pull))
            self._journal.write("UPDATE pulls SET report = ? WHERE pull_id = ?", as_text(document), pull_id)
            self._journal.to_send(conclusion.study_uid, "pull_report", document)

    def restart_all(self) -> None:
        """
        The RAM disk was emptied: every pull that is not reported begins again, but one that was set aside:
        what it killed with is still at the PACS.
        """
        with self._journal.transaction():
            for pull in self.unreported():
                if pull.is_set_aside:
                    continue
                after = MOVE_STATES.next(pull.job_state, MoveEvent.RESTART)
                self._journal.write(
                    "UPDATE pulls SET job_state = ?, moves = 0, ended_at = NULL, error = '', "
                        "move_seconds = NULL, "
                    "failure = NULL, conclusion = NULL WHERE pull_id = ?",
                    after, pull.request.pull_id,
                )  # fmt: skip


def _with_end(conclusion: PullReport, pull: Pull) -> PullReport:
    """What became of the images, and how the moves ended."""
    message = " ".join(part for part in (conclusion.message, pull.error) if part)
    failure = conclusion.failure or pull.failure
    return replace(conclusion, move_seconds=pull.move_seconds, message=message, failure=failure)


def read_pull(row: sqlite3.Row) -> Pull:
    """A pull from its row; raises whatever a damaged one makes it raise."""
    return Pull(
        number=row["number"],
        request=_request(row["request"]),
        asked_at=row["asked_at"],
        job_state=MoveState(row["job_state"]),
        moves=row["moves"],
        ended_at=row["ended_at"],
        error=row["error"],
        move_seconds=row["move_seconds"],
        conclusion=_report(row["conclusion"]) if row["conclusion"] else None,
        report=_report(row["report"]) if row["report"] else None,
        failure=from_document(PullFailure, json.loads(row["failure"])) if row["failure"] else None,
        suspect=bool(row["suspect"]),
    )


# Every step of the workers asks for the open pulls: a request with a thousand UIDs is read once, not each
# time.
@lru_cache(maxsize=_READ_KEPT)
def _request(text: str) -> PullRequest:
    return from_document(PullRequest, json.loads(text))


@lru_cache(maxsize=_READ_KEPT)
def _report(text: str) -> PullReport:
    return from_document(PullReport, json.loads(text))
