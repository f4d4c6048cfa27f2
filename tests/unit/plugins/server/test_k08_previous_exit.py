"""
The exit status beside the journal is told on a full disk, too (K8).

Does not prove that every file system keeps a block that is written over (the chaos storm fills a tmpfs).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aipull.journal.journal import Journal
from aipull.server.previous_exit import PreviousExit, exit_file
from pacs_module.domain.pull.crash_blame import Ending
from stack.identity import wait_until
from stack.processes import Process, Programme
from stack.run_folder import RunFolder
from tests.chaos.rig.harness import full
from tests.chaos.rig.small_disk import small_disk

START_SCRIPT = Path(__file__).parents[4] / "docker" / "orthanc" / "start.sh"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as made:
        if made is None:
            pytest.skip("no right to mount a small disk")
        yield made


@pytest.fixture
def journal_there(disk: Path) -> Iterator[Journal]:
    made = Journal(disk / "journal.db")
    yield made
    made.close()


def test_a_crash_on_a_full_disk_is_told_by_the_stack(
    journal_there: Journal, disk: Path, run_folder: RunFolder
) -> None:
    PreviousExit(journal_there).begin()
    process = Process(run_folder, crashing(journal_there.path))
    process.spawn()
    with full(disk):
        assert wait_until(lambda: not process.is_alive(), 20)
        process.kill()
    assert PreviousExit(journal_there).read() is Ending.CRASHED


def crashing(journal: Path) -> Programme:
    command = ["sh", "-c", "sleep 0.5; kill -SEGV $$"]
    return Programme("crashing", command, lambda: True, exit_file=exit_file(journal))


def test_a_crash_on_a_full_disk_is_told_by_the_start_script(journal_there: Journal, disk: Path) -> None:
    (line,) = [
        one
        for one in START_SCRIPT.read_text(encoding="utf-8").splitlines()
        if one.startswith('echo "$status"')
    ]
    PreviousExit(journal_there).begin()
    with full(disk):
        told = {"status": "139", "AIPULL_JOURNAL": str(journal_there.path)}
        subprocess.run(["sh", "-euc", line], env=told, check=True)
    assert PreviousExit(journal_there).read() is Ending.CRASHED


def test_the_status_is_that_of_the_process_that_lived_not_of_those_that_could_not_start(
    journal: Journal,
) -> None:
    PreviousExit(journal).begin()
    with exit_file(journal.path).open("a") as told:
        told.write("139\n1\n137\n")
    assert PreviousExit(journal).read() is Ending.CRASHED
    PreviousExit(journal).begin()
    assert PreviousExit(journal).read() is Ending.UNKNOWN
