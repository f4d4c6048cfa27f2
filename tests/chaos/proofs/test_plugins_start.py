"""
An Orthanc without our plugins would take in images that nobody filters, and nobody would notice: where they
cannot begin, it ends, and says why.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.orthanc import OrthancPorts, ReceivingLinks, ReceivingOrthanc
from tests.chaos.rig.harness import full
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server("orthanc", "orthanc-python"), pytest.mark.timeout(300)]

PLUGINS = Path(__file__).resolve().parents[3] / "orthanc" / "plugins"
ENDS_WITHIN_S = 120.0


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[ReceivingOrthanc]:
    with RunFolder(tmp_path / "run") as run:
        http, dicom, pacs = free_ports(3)
        links = ReceivingLinks(pacs, "http://127.0.0.1:1", "a-key", tmp_path / "log", "Asia/Shanghai")
        (tmp_path / "ram").mkdir()
        orthanc = ReceivingOrthanc(run, OrthancPorts(http, dicom), tmp_path / "ram", links)
        yield orthanc
        orthanc.kill()


def make_journal(path: Path) -> None:
    """As an earlier life of the plugins left it."""
    code = (
        "import sys; from pathlib import Path; from journal import Journal; "
        "Journal(Path(sys.argv[1])).close()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=PLUGINS, check=True)


def ends_with_a_reason(orthanc: ReceivingOrthanc, reason: str) -> str:
    """The line in which it says why."""
    orthanc.process.spawn()
    wait_for(lambda: not orthanc.process.is_alive(), seconds=ENDS_WITHIN_S, what="Orthanc ends")
    lines = orthanc.process.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    (line,) = [line for line in lines if "AI pull " in line and reason in line]
    return line


def beneath_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (beneath_a_file, "a folder that is there or can be made"),
        (lambda path: path.mkdir(), "a file that SQLite can open and write"),
        (lambda path: path.write_bytes(b"this is no database" * 500), "file is not a database"),
    ],
    ids=["its folder cannot be made", "it is a folder", "it is damaged"],
)
def test_a_journal_that_cannot_be_opened_ends_orthanc(
    orthanc: ReceivingOrthanc, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    orthanc.journal = tmp_path / "journal" / "journal.db"
    orthanc.journal.parent.mkdir()
    spoil(orthanc.journal)
    line = ends_with_a_reason(orthanc, "does not start: AIPULL_JOURNAL = ")
    assert words in line
    assert not orthanc.answers()


@pytest.mark.parametrize("there", [False, True], ids=["a new one", "an old one"])
def test_a_journal_on_a_full_disk_ends_orthanc(orthanc: ReceivingOrthanc, disk: Path, there: bool) -> None:
    orthanc.journal = disk / "journal.db"
    if there:
        make_journal(orthanc.journal)
    with full(disk):
        ends_with_a_reason(orthanc, "AIPULL_JOURNAL = ")
    orthanc.start()
    assert orthanc.answers(), "with room again it begins"


def test_a_journal_that_another_holds_locked_ends_orthanc(orthanc: ReceivingOrthanc) -> None:
    """
    After half a minute: it is waited for, as long as whoever holds it may be another life that is just
    ending.
    """
    make_journal(orthanc.journal)
    with closing(sqlite3.connect(orthanc.journal, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        ends_with_a_reason(orthanc, "cannot begin its work: OperationalError: database is locked")
    orthanc.start()
    assert orthanc.answers()


def test_a_journal_that_is_let_go_in_time_is_waited_for(orthanc: ReceivingOrthanc) -> None:
    make_journal(orthanc.journal)
    with closing(sqlite3.connect(orthanc.journal, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        orthanc.start()
        rival.execute("COMMIT")
        log = orthanc.links.log_folder / "orthanc-python.jsonl"
        wait_for(
            lambda: '"event": "started"' in log.read_text(encoding="utf-8"), what="the plugins have begun"
        )
    assert orthanc.process.is_alive()


def test_a_script_that_is_not_there_ends_orthanc(orthanc: ReceivingOrthanc, tmp_path: Path) -> None:
    orthanc.links = ReceivingLinks(**{**vars(orthanc.links), "script": tmp_path / "missing.py"})
    with pytest.raises(StackError, match=r"missing\.py"):
        orthanc.start()
