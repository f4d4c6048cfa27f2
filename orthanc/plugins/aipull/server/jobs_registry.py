"""
Orthanc's own note of its jobs, set right before Orthanc reads it.

When the clock is set back while a job runs, Orthanc 1.10.1 notes a negative runtime as a large number, which it cannot read at
its next start: "Uncaught exception, stopping now: [LargestInt out of Int range]", every time, until the index is thrown away.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

_JOBS_REGISTRY = 5
"""``GlobalProperty_JobsRegistry`` of Orthanc's ServerEnumerations.h."""
_LONGEST_MS = 2**31 - 1
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
    if not index.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"file:{index}?mode=rw", uri=True, timeout=_LOCK_WAIT_S)) as connection, connection:
            return _mend(connection)
    except (sqlite3.Error, ValueError):
        return []  # Orthanc itself says what is wrong with it


def _mend(connection: sqlite3.Connection) -> list[str]:
    row = connection.execute("SELECT value FROM GlobalProperties WHERE property = ?", [_JOBS_REGISTRY]).fetchone()
    registry = json.loads(row[0]) if row else {}
    jobs: dict[str, dict[str, Any]] = registry.get("Jobs", {})
    wrong = [job for job, noted in jobs.items() if not 0 <= noted.get("Runtime", 0) <= _LONGEST_MS]
    for job in wrong:
        jobs[job]["Runtime"] = 0
    if wrong:
        connection.execute("UPDATE GlobalProperties SET value = ? WHERE property = ?", [json.dumps(registry), _JOBS_REGISTRY])
    return wrong
