"""
SQLite's notes of an index that is locked for one process: in memory, once it was told.

In a process of its own each, because SQLite can be told only before it is used.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PROGRAMME = """
import ctypes, os, sys
ctypes.CDLL("libsqlite3.so.0")  # as Orthanc is linked with it
from aipull.runtime.sqlite_temp_store import keep_notes_in_memory

when, folder = sys.argv[1:]
told = [keep_notes_in_memory(os.environ)] if when == "before" else []
import sqlite3
index = sqlite3.connect(folder + "/index", isolation_level=None)
index.execute("PRAGMA locking_mode=EXCLUSIVE")
index.execute("PRAGMA journal_mode=WAL")
index.execute("CREATE TABLE image(id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
index.executemany("INSERT INTO image VALUES (?, ?)", [(n, "x" * 500 + str(n)) for n in range(1000)])
index.execute("BEGIN")
index.execute("UPDATE image SET name = 'y' || id")
told += [keep_notes_in_memory(os.environ)] if when == "after" else []
places = []
for descriptor in os.listdir("/proc/self/fd"):
    try:
        places.append(os.readlink("/proc/self/fd/" + descriptor))
    except OSError:  # the listing's own
        pass
print(*told, *(os.path.dirname(place) for place in places if "etilqs" in place))
"""


@pytest.mark.parametrize(
    ("when", "said"),
    [("before", ["True"]), ("after", ["False", "/var/tmp"]), ("never", ["/var/tmp"])],
)
def test_notes_of_a_large_statement_lie_in_memory_once_sqlite_was_told(
    tmp_path: Path, when: str, said: list[str]
) -> None:
    environment = {"PYTHONPATH": str(ROOT / "orthanc" / "plugins")}
    command = [sys.executable, "-c", PROGRAMME, when, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == said


def test_other_temporary_files_lie_beside_the_store(tmp_path: Path) -> None:
    from aipull.runtime.sqlite_temp_store import keep_notes_in_memory

    variables = {"ORTHANC_STORE": str(tmp_path)}
    keep_notes_in_memory(variables)
    assert variables["SQLITE_TMPDIR"] == str(tmp_path)
    named = {"ORTHANC_STORE": str(tmp_path), "SQLITE_TMPDIR": "/elsewhere"}
    keep_notes_in_memory(named)
    assert named["SQLITE_TMPDIR"] == "/elsewhere"
