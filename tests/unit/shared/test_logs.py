"""
The two log files as they lie on disk.

Does not prove which lines are written when (the use cases' tests do) nor what two processes writing one file
would do.
"""

import errno
import gzip
import io
import json
import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pacs_module.shared import logs
from pacs_module.shared.log_lines import Words
from pacs_module.shared.logs import ContractLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ContractLog]:
    made = ContractLog(tmp_path / "log", "dcm_end")
    yield made
    for name in ("dcm_end.log", "dcm_end.jsonl"):
        logger = logging.getLogger(f"contract.{tmp_path / 'log' / name}")
        for handler in tuple(logger.handlers):
            logger.removeHandler(handler)
            handler.close()


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_a_line_stands_alone_in_the_log_and_with_its_time_in_the_twin(
    log: ContractLog, tmp_path: Path
) -> None:
    log.line("find 2020-06-18 study list")
    log.event("duplicate_answers", "duplicate answers", "WARNING", pacs="A")
    assert lines(tmp_path / "log" / "dcm_end.log") == ["find 2020-06-18 study list"]
    first, second = (json.loads(line) for line in lines(tmp_path / "log" / "dcm_end.jsonl"))
    assert first.pop("at").endswith("+00:00")
    assert first == {"level": "INFO", "line": "find 2020-06-18 study list"}
    assert second.pop("at")
    assert second == {
        "level": "WARNING",
        "event": "duplicate_answers",
        "text": "duplicate answers",
        "pacs": "A",
    }


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50 % of 胸部", "50 % of 胸部"),
        ("%s and %d", "%s and %d"),
        ("one\nevent\r\na line", "one event a line"),
        ("lone \udc80 surrogate", "lone \\udc80 surrogate"),
    ],
)
def test_whatever_a_pacs_writes_is_one_readable_line(
    log: ContractLog, tmp_path: Path, text: str, written: str
) -> None:
    log.line(text)
    assert lines(tmp_path / "log" / "dcm_end.log") == [written]
    assert len(lines(tmp_path / "log" / "dcm_end.jsonl")) == 1


def test_many_threads_leave_the_same_order_in_both_files(log: ContractLog, tmp_path: Path) -> None:
    def write(thread: int) -> None:
        for number in range(200):
            log.line(f"line {number} of thread {thread}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    written = lines(tmp_path / "log" / "dcm_end.log")
    assert len(written) == 1600
    assert [json.loads(line)["line"] for line in lines(tmp_path / "log" / "dcm_end.jsonl")] == written


def test_every_file_of_the_rotation_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES", 200)
    log = ContractLog(tmp_path, "rotated")
    for number in range(20):
        log.line(f"actually add new number: {number}")
    files = sorted(tmp_path.glob("rotated.log*"))
    assert len(files) > 2
    assert {stat.S_IMODE(file.stat().st_mode) & 0o007 for file in files} == {0}
    for name in ("rotated.log", "rotated.jsonl"):
        for handler in tuple(logging.getLogger(f"contract.{tmp_path / name}").handlers):
            handler.close()


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_ends_nothing_and_is_told_without_the_lines(
    log: ContractLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, *_ = logging.getLogger(f"contract.{tmp_path / 'log' / 'dcm_end.jsonl'}").handlers
    assert isinstance(handler, logging.StreamHandler)
    there, handler.stream = handler.stream, FullDisk()
    for _ in range(2):
        log.event("PATIENT^NAME", "")
    handler.stream = there
    log.event("again", "")
    full, again = capsys.readouterr().err.splitlines()
    assert "No space left" in full
    assert again.endswith("is written again; 2 lines came while it was not")
    assert "PATIENT" not in full + again
    assert [json.loads(line)["event"] for line in lines(tmp_path / "log" / "dcm_end.jsonl")] == ["again"]


@pytest.mark.parametrize("lose", ["file", "twin", "both", "folder", "moved"])
def test_a_log_that_is_removed_while_it_is_written_is_begun_anew_and_told(tmp_path: Path, lose: str) -> None:
    folder = tmp_path / "logs"
    log = ContractLog(folder, "dcm_end")
    log.line("before")
    if lose == "folder":
        shutil.rmtree(folder)
    for name in {"file": ["log"], "twin": ["jsonl"], "both": ["log", "jsonl"], "moved": ["log", "jsonl"]}.get(
        lose, []
    ):
        file = folder / f"dcm_end.{name}"
        if lose == "moved":
            file.rename(file.with_suffix(f".{name}.1"))
        else:
            file.unlink()
    log.line("after")
    log.line("later")
    lines = (folder / "dcm_end.log").read_text(encoding="utf-8").splitlines()
    assert lines[-2:] == ["after", "later"]
    twin = [json.loads(line) for line in (folder / "dcm_end.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["line"] for entry in twin if "line" in entry][-2:] == ["after", "later"]
    key = "log_rotated" if lose == "moved" else "log_lost"
    lost = {Path(str(entry["file"])).suffix for entry in twin if entry.get("event") == key}
    assert lost == ({".jsonl"} if lose == "twin" else {".log"} if lose == "file" else {".log", ".jsonl"})


def test_warnings_are_said_aloud_without_patients_and_the_rest_is_not(tmp_path: Path) -> None:
    aloud = io.StringIO()
    log = ContractLog(tmp_path, "dcm_end", aloud)
    log.line("find 2020-06-18 study list")
    log.event("pull_asked", "a pull was asked for", studyUID="1.2")
    log.event("started", "pacs_module runs", port=7000)
    log.event(
        "find_failed",
        "the PACS does not answer\nat all",
        "WARNING",
        pacs="PACS-A",
        error="refused",
        patientID="4711",
    )
    assert aloud.getvalue() == (
        "INFO started: pacs_module runs port=7000\n"
        "WARNING find_failed: the PACS does not answer at all pacs=PACS-A error=refused\n"
    )


def test_nobody_who_listens_costs_no_line_of_the_log(tmp_path: Path) -> None:
    aloud = io.StringIO()
    aloud.close()
    log = ContractLog(tmp_path, "dcm_end", aloud)
    log.event("find_failed", "the PACS does not answer", "WARNING")
    assert "find_failed" in (tmp_path / "dcm_end.jsonl").read_text(encoding="utf-8")


# --- age ---

DAY_S = 86_400.0


def test_lines_go_when_their_file_may_hold_one_of_that_age(log: ContractLog, tmp_path: Path) -> None:
    folder, now = tmp_path / "log", time.time()
    log.line("of PATIENT-1")
    log.keep(30, now)  # the first look rotates: nobody knows how old the first line is
    log.line("of PATIENT-2")
    log.keep(30, now + DAY_S)
    assert "PATIENT-2" in (folder / "dcm_end.log").read_text()
    log.keep(30, now + 4 * DAY_S)
    assert (folder / "dcm_end.log").read_text() == ""
    assert log.keep(30, now + 26 * DAY_S) == 0
    left = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"PATIENT-1" in left
    assert log.keep(30, now + 28 * DAY_S) == 4
    left = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"PATIENT" not in left


def test_files_of_logrotate_go_too_and_those_of_others_stay(log: ContractLog, tmp_path: Path) -> None:
    folder, now = tmp_path / "log", time.time()
    for name in ("dcm_end.log-20260101.gz", "dcm_end.jsonl.7", "orthanc-python.log.1", "dcm_end.logbook"):
        (folder / name).write_text("x")
    log.keep(1, now + 5)
    there = {path.name for path in folder.iterdir()}
    assert "dcm_end.log-20260101.gz" not in there
    assert "dcm_end.jsonl.7" not in there
    assert {"orthanc-python.log.1", "dcm_end.logbook"} <= there


# --- one patient ---


def test_lines_that_name_somebody_go_from_all_files_and_the_log_goes_on(
    log: ContractLog, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    log.line("new study: 1.2.3")
    log.line("new study: 1.2.34")
    log.keep(30, time.time())
    log.line("stable study: 1.2.3")
    log.event("asked", "12 things", patientID="12")
    with gzip.open(folder / "dcm_end.log-20260101.gz", "wt", encoding="utf-8") as file:
        file.write("new study: 1.2.3\nnew study: 1.2.5\n")
    assert log.drop_lines(Words.of(["1.2.3", "12"])) == 6
    log.line("new study: 1.2.6")
    left = b"".join(file.read_bytes() for file in folder.iterdir() if file.suffix != ".gz")
    left += gzip.decompress((folder / "dcm_end.log-20260101.gz").read_bytes())
    assert b"1.2.3\n" not in left
    assert b'1.2.3"' not in left
    assert b"12 things" not in left
    for uid in (b"1.2.34", b"1.2.5", b"1.2.6"):
        assert uid in left
    assert lines(folder / "dcm_end.log") == ["new study: 1.2.6"]
