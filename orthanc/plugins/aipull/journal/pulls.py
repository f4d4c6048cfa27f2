"""Pulls in the journal: asked for, submitted, ended, concluded, reported."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace

from pacs_module.domain.wire.documents import from_document, to_document
from pacs_module.domain.wire.messages import PullReport, PullRequest

from .journal import Journal, as_text

NEW = "new"
SUBMITTED = "submitted"
ENDED = "ended"


@dataclass(frozen=True)
class Pull:
    """
    One pull: ``job_state`` is NEW, SUBMITTED or ENDED.

    ``conclusion`` says what became of the images and may be there before the job's end, because completeness can be proved early;
    ``report`` is made when both are known.
    """

    number: int
    request: PullRequest
    asked_at: int
    job_state: str
    job_ids: tuple[str, ...]
    ended_at: int | None
    error: str
    move_seconds: float | None
    conclusion: PullReport | None
    report: PullReport | None


class PullRows:
    """What is asked of the table ``pulls``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, request: PullRequest, now: int) -> None:
        """Note a new pull; one with the same id stays as it is."""
        self._journal.write(
            "INSERT INTO pulls (pull_id, study_uid, request, asked_at) VALUES (?, ?, ?, ?) ON CONFLICT (pull_id) DO NOTHING",
            request.pull_id, request.study_uid, as_text(to_document(request)), now,
        )  # fmt: skip

    def get(self, pull_id: str) -> Pull | None:
        """A pull by its id."""
        row = self._journal.row("SELECT * FROM pulls WHERE pull_id = ?", pull_id)
        return _pull(row) if row else None

    def unreported(self, study_uid: str | None = None) -> list[Pull]:
        """Pulls without a report, oldest first; of one study or of all."""
        query = "SELECT * FROM pulls WHERE report IS NULL AND (? IS NULL OR study_uid = ?) ORDER BY number"
        return [_pull(row) for row in self._journal.rows(query, study_uid, study_uid)]

    def current(self, study_uid: str) -> Pull | None:
        """The pull that arriving images belong to: the oldest one of the study that is not concluded."""
        return next((pull for pull in self.unreported(study_uid) if pull.conclusion is None), None)

    def last(self, study_uid: str) -> Pull | None:
        """The newest pull of a study."""
        row = self._journal.row("SELECT * FROM pulls WHERE study_uid = ? ORDER BY number DESC LIMIT 1", study_uid)
        return _pull(row) if row else None

    def submitted(self, pull_id: str, job_ids: tuple[str, ...]) -> None:
        """Orthanc has the jobs."""
        self._journal.write("UPDATE pulls SET job_state = ?, job_ids = ? WHERE pull_id = ?", SUBMITTED, as_text(job_ids), pull_id)

    def again(self, pull_id: str) -> None:
        """Orthanc does not know the jobs any more: to be submitted again."""
        self._journal.write("UPDATE pulls SET job_state = ?, job_ids = '[]' WHERE pull_id = ?", NEW, pull_id)

    def ended(self, pull_id: str, now: int, error: str, move_seconds: float | None) -> None:
        """No more images come from this pull; where they are judged already the report is due (:meth:`report`)."""
        self._journal.write(
            "UPDATE pulls SET job_state = ?, ended_at = ?, error = ?, move_seconds = ? WHERE pull_id = ?",
            ENDED, now, error, move_seconds, pull_id,
        )  # fmt: skip

    def conclude(self, pull: Pull, conclusion: PullReport) -> None:
        """Note what became of the images; the report goes out here when the job has ended already."""
        with self._journal.transaction():
            self._journal.write(
                "UPDATE pulls SET conclusion = ? WHERE pull_id = ?", as_text(to_document(conclusion)), pull.request.pull_id
            )
            self.report(pull.request.pull_id, conclusion)

    def report(self, pull_id: str, conclusion: PullReport) -> None:
        """Owe pacs_module the report of a pull whose job has ended; a second time changes nothing."""
        with self._journal.transaction():
            pull = self.get(pull_id)
            if pull is None or pull.report is not None or pull.job_state != ENDED:
                return
            message = " ".join(part for part in (conclusion.message, pull.error) if part)
            report = replace(conclusion, job_id=" ".join(pull.job_ids), move_seconds=pull.move_seconds, message=message)
            document = to_document(report)
            self._journal.write("UPDATE pulls SET report = ? WHERE pull_id = ?", as_text(document), pull_id)
            self._journal.to_send(report.study_uid, "pull_report", document)

    def restart_all(self) -> None:
        """The RAM disk was emptied: every pull that is not reported begins again."""
        self._journal.write(
            "UPDATE pulls SET job_state = 'new', job_ids = '[]', ended_at = NULL, error = '', move_seconds = NULL, "
            "conclusion = NULL WHERE report IS NULL"
        )


def _pull(row: sqlite3.Row) -> Pull:
    conclusion, report = (json.loads(row[name]) if row[name] else None for name in ("conclusion", "report"))
    return Pull(
        number=row["number"],
        request=from_document(PullRequest, json.loads(row["request"])),
        asked_at=row["asked_at"],
        job_state=row["job_state"],
        job_ids=tuple(json.loads(row["job_ids"])),
        ended_at=row["ended_at"],
        error=row["error"],
        move_seconds=row["move_seconds"],
        conclusion=from_document(PullReport, conclusion) if conclusion else None,
        report=from_document(PullReport, report) if report else None,
    )
