"""
Orthanc's own note of its jobs, set right before Orthanc reads it.

When the clock is set back while a job runs, Orthanc 1.10.1 notes a negative runtime as a large number, which
it cannot read at its next start: "Uncaught exception, stopping now: [LargestInt out of Int range]", every
time, until the index is thrown away.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from pacs_module.domain.errors import Unreadable
from pacs_module.domain.json_messages.kept_json import kept_object

_JOBS_REGISTRY = 5
"""``GlobalProperty_JobsRegistry`` of Orthanc's ServerEnumerations.h."""
_LONGEST_MS = 2**31 - 1
_OVER = ("Success", "Failure")
_LOCK_WAIT_S = 5.0


def mend_runtimes(index: Path) -> list[str]:
    """
    Set runtimes that Orthanc could not read to 0; they are for people to look at, the jobs go on as they are.

    To be called before Orthanc opens its index, which is when it loads its plugins.

    Args:
        index: Orthanc's SQLite file; nothing happens when it is not there or is none of that kind.

    Returns:
        The ids of the jobs.
    """

    def mend(jobs: dict[str, dict[str, Any]]) -> list[str]:
        wrong = [job for job, noted in jobs.items() if not _is_runtime(noted.get("Runtime", 0))]
        for job in wrong:
            jobs[job]["Runtime"] = 0
        return wrong

    return _edit(index, mend)


def drop_moves(index: Path) -> list[str]:
    """
    Take C-MOVE jobs that Orthanc would run again out of its note: a pull is repeated by the journal, which
    knows whether one that killed the process is among them.

    To be called before Orthanc opens its index, as above.

    Returns:
        The ids of the jobs.
    """

    def drop(jobs: dict[str, dict[str, Any]]) -> list[str]:
        moves = [
            job
            for job, noted in jobs.items()
            if _type(noted) == "DicomMoveScu" and noted.get("State") not in _OVER
        ]
        for job in moves:
            del jobs[job]
        return moves

    return _edit(index, drop)


def _is_runtime(told: Any) -> bool:
    return type(told) in (int, float) and 0 <= told <= _LONGEST_MS


def _type(noted: dict[str, Any]) -> str:
    job = noted.get("Job")
    return str(job.get("Type", "")) if isinstance(job, dict) else ""


def _edit(index: Path, edit: Callable[[dict[str, dict[str, Any]]], list[str]]) -> list[str]:
    if not index.is_file():
        return []
    place = f"file:{index}?mode=rw"
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=_LOCK_WAIT_S)) as connection, connection:
            return _edit_jobs(connection, edit)
    except (sqlite3.Error, Unreadable):
        return []  # Orthanc itself says what is wrong with it


def _jobs(registry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By id."""
    jobs = registry.get("Jobs", {})
    if not isinstance(jobs, dict) or not all(isinstance(noted, dict) for noted in jobs.values()):
        raise Unreadable("Orthanc's note of its jobs is of another kind")
    return jobs


def _edit_jobs(
    connection: sqlite3.Connection, edit: Callable[[dict[str, dict[str, Any]]], list[str]]
) -> list[str]:
    asked = "SELECT value FROM GlobalProperties WHERE property = ?"
    row = connection.execute(asked, [_JOBS_REGISTRY]).fetchone()
    registry = kept_object(row[0]) if row else {}
    edited = edit(_jobs(registry))
    if edited:
        values = [json.dumps(registry), _JOBS_REGISTRY]
        connection.execute("UPDATE GlobalProperties SET value = ? WHERE property = ?", values)
    return edited
