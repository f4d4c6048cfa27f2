"""What the plugins' records have, for pacs_module to compare with its own (``GET /aipull/audit``)."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pacs_module.domain.receive.folder_state import NEEDED

from .handovers import HandoverRow, HandoverRows
from .journal import Journal

_ENDED_KEPT_MS = 7 * 24 * 3600 * 1000
_INSTALLATION, _JOURNAL_ID, _MADE_AT = "installation", "journal_id", "journal_made_at"


class Folders(Protocol):
    """What is asked of the hand-over folder."""

    def count(self, name: str) -> int:
        """How many images lie in a hand-over's folder; 0: it is gone."""
        ...

    def strays(self, known: set[str]) -> list[str]:
        """Folders of hand-overs that are not known."""
        ...


@dataclass(frozen=True)
class Audit:
    """
    ``index``: what Orthanc's index and store have that the journal does not know, for the key ``orthanc``.
    """

    journal: Journal
    handovers: HandoverRows
    folders: Folders
    index: Callable[[], Mapping[str, Any]] = dict

    def records(self, now: int) -> dict[str, Any]:
        """
        Everything that is not over, and the pulls of the last week.

        Args:
            now: Epoch milliseconds.
        """
        rows = self.handovers.all()
        given = {row.folder for row in rows if row.state in NEEDED}
        return {
            "installation": self.journal.meta(_INSTALLATION),
            "journalID": self._journal_id(),
            "journalMadeAt": self.journal.meta(_MADE_AT),
            "epoch": self.journal.meta("epoch"),
            "handovers": self._handovers(rows),
            "strayFolders": self.folders.strays(given),
            "pulls": self._pulls(now),
            "receptions": self._receptions(),
            "outbox": self._outbox(),
            "orthanc": dict(self.index()),
        }

    def _handovers(self, rows: Iterable[HandoverRow]) -> list[dict[str, Any]]:
        notifications = self.handovers.notifications()
        found = []
        for row in rows:
            found.append({
                "handoverID": row.handover_id,
                "studyUID": row.study_uid,
                "seriesUIDs": list(row.series_uids),
                "instances": row.instances,
                "folder": row.folder,
                "state": row.state,
                "files": self.folders.count(row.folder) if row.state in NEEDED else 0,
                "notification": notifications.get(row.handover_id),
            })  # fmt: skip
        return found

    def set_installation(self, installation: str) -> str:
        """Have the journal belong to this installation; the one that it belonged to before."""
        before = self.journal.meta(_INSTALLATION)
        if before != installation:
            self.journal.set_meta(_INSTALLATION, installation)
        return before

    def _journal_id(self) -> str:
        """Drawn when it is first asked for: a journal that is made anew has another one."""
        known = self.journal.meta(_JOURNAL_ID)
        if known:
            return known
        with self.journal.transaction():
            self.journal.set_meta(_JOURNAL_ID, uuid.uuid4().hex)
            self.journal.set_meta(_MADE_AT, datetime.now(UTC).isoformat(timespec="milliseconds"))
        return self.journal.meta(_JOURNAL_ID)

    def _pulls(self, now: int) -> list[dict[str, Any]]:
        columns, which = "pull_id, study_uid, request, asked_at, report", "report IS NULL OR asked_at >= ?"
        query = f"SELECT {columns} FROM pulls WHERE {which} ORDER BY number"  # noqa: S608 - fixed words
        return [_pull(row) for row in self.journal.rows(query, now - _ENDED_KEPT_MS)]

    def _receptions(self) -> list[dict[str, Any]]:
        query = "SELECT study_uid, state, opened_at FROM receptions WHERE state != 'closed' ORDER BY number"
        rows = self.journal.rows(query)
        return [
            {"studyUID": row["study_uid"], "state": row["state"], "openedAt": row["opened_at"]}
            for row in rows
        ]

    def _outbox(self) -> list[dict[str, str]]:
        rows = self.journal.rows("SELECT study_uid, kind FROM outbox ORDER BY number")
        return [{"studyUID": row["study_uid"], "kind": row["kind"]} for row in rows]


def _pull(row: sqlite3.Row) -> dict[str, Any]:
    request, report = json.loads(row["request"]), json.loads(row["report"] or "{}")
    return {
        "pullID": row["pull_id"],
        "studyUID": row["study_uid"],
        "pacs": request.get("pacs", ""),
        "status": "ended" if report else "running",
        "outcome": report.get("outcome", ""),
        "request": request,
        "askedAt": row["asked_at"],
    }
