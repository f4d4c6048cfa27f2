"""Orthanc's own note of its jobs, edited before Orthanc reads it. The shape is that of a real 1.10.1."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aipull.server.jobs_registry import drop_moves, mend_runtimes


def job(state: str, kind: str = "DicomMoveScu", runtime: int = 10061) -> dict[str, Any]:
    return {
        "CreationTime": "20261130T095431.054187", "ErrorCode": 0, "Job": {"Type": kind, "LocalAet": "AIPULL"},
        "LastChangeTime": "20261130T095441.115773", "Priority": 0, "Runtime": runtime, "State": state,
    }  # fmt: skip


def index(folder: Path, jobs: dict[str, Any]) -> Path:
    path = folder / "index"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE GlobalProperties (property INTEGER PRIMARY KEY, value TEXT)")
        registry = {"Jobs": jobs, "Type": "JobsRegistry"}
        connection.execute("INSERT INTO GlobalProperties VALUES (5, ?)", [json.dumps(registry)])
    return path


def jobs_of(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute("SELECT value FROM GlobalProperties WHERE property = 5").fetchone()
    return dict(json.loads(text)["Jobs"])


def test_only_moves_that_would_be_run_again_are_dropped(tmp_path: Path) -> None:
    jobs = {
        "running": job("Running"), "pending": job("Pending"), "retry": job("Retry"), "paused": job("Paused"),
        "done": job("Success"), "failed": job("Failure"), "archive": job("Running", "Archive"),
    }  # fmt: skip
    path = index(tmp_path, jobs)
    assert sorted(drop_moves(path)) == ["paused", "pending", "retry", "running"]
    assert jobs_of(path) == {name: jobs[name] for name in ("done", "failed", "archive")}
    assert drop_moves(path) == []


def test_runtimes_that_orthanc_cannot_read_are_set_to_0(tmp_path: Path) -> None:
    path = index(tmp_path, {"back": job("Success", runtime=2**64 - 3_600_000), "fine": job("Success")})
    assert mend_runtimes(path) == ["back"]
    assert {name: noted["Runtime"] for name, noted in jobs_of(path).items()} == {"back": 0, "fine": 10061}


@pytest.mark.parametrize("content", [None, b"", b"junk" * 100])
def test_an_index_that_is_none_is_left_to_orthanc(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "index"
    if content is not None:
        path.write_bytes(content)
    assert (mend_runtimes(path), drop_moves(path)) == ([], [])
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"x"',
        "[" * 100_000,
        '{"Jobs": []}',
        '{"Jobs": null}',
        '{"Jobs": {"a": 5}}',
    ],
)
def test_k08_a_note_of_another_kind_stops_no_start(value: str, tmp_path: Path) -> None:
    path = index(tmp_path, {})
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE GlobalProperties SET value = ?", [value])
    assert (mend_runtimes(path), drop_moves(path)) == ([], [])


@pytest.mark.parametrize("runtime", ["long", None, [], True, -1, 1e300])
def test_k08_a_runtime_that_is_no_number_is_mended(runtime: Any, tmp_path: Path) -> None:
    path = index(tmp_path, {"a": {**job("Running"), "Runtime": runtime}})
    assert mend_runtimes(path) == ["a"]
    assert jobs_of(path)["a"]["Runtime"] == 0
