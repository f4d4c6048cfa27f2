"""
Results back, with kill -9 at each step of taking and sending: in the end every object is at the PACS once, and nothing is
lost (issue 15, must show 5). The bad answers of a PACS are tests/long/results/test_results_to_pacs.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.shared.crash_points import VARIABLE
from tests.fakes.pipeline import UID
from tests.fakes.result_desk import ResultDesk
from tests.support.results.archives import KINDS, Archive, archive_of
from tests.support.results.objects import result_object

TAKING = ("result_restored", "result_restored:2", "result_kept", "result_taken")
"""No PACS is asked there: one of them is enough."""
SENDING = ("to_upload", "uploading", "uploading:2", "uploaded", "upload_verified")
OBJECTS = 3


@pytest.fixture(scope="module", params=KINDS)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with archive_of(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


def work(folder: Path, port: int, fault: str = "") -> int:
    command = [sys.executable, "-m", "tests.support.results.worker", str(folder), str(port)]
    return subprocess.run(command, env={**os.environ, VARIABLE: fault}, check=False, timeout=100).returncode


@pytest.mark.server("dcmtk")
@pytest.mark.parametrize("place", TAKING)
def test_killed_while_it_is_taken_it_is_there_once_in_the_end(tmp_path: Path, place: str) -> None:
    (tmp_path / "pacs").mkdir()
    with archive_of("dcmqrscp", tmp_path / "pacs") as archive:
        check(archive, tmp_path, place)


@pytest.mark.parametrize("place", SENDING)
def test_killed_while_it_is_sent_it_is_there_once_in_the_end(
    archive: Archive, tmp_path: Path, place: str
) -> None:
    check(archive, tmp_path, place)


def check(archive: Archive, tmp_path: Path, place: str) -> None:
    desk = ResultDesk(tmp_path)
    desk.hand_over()
    SqliteStore(tmp_path / "study.db").insert(desk.study())
    files = [tmp_path / "in" / f"{number}.dcm" for number in range(OBJECTS)]
    sent = [
        str(result_object(file, UID, "P1", "SR", SeriesInstanceUID="2.25.7").SOPInstanceUID) for file in files
    ]
    assert work(tmp_path, archive.relay.port, place) == -signal.SIGKILL
    assert work(tmp_path, archive.relay.port) == 0
    assert set(sent) <= set(archive.objects())  # which says itself that it has none twice
    study = SqliteStore(tmp_path / "study.db").get(UID)
    assert study is not None
    assert sorted(one.sop_uid for each in study.results for one in each.objects) == sorted(sent)
    assert {one.state for one in study.uploads} == {"verified"}
