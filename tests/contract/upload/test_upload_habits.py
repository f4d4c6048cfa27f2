"""
HTTP and S3 with the whole way of an upload between, at a platform that answers 409 to what it has, or is away for long.

All habits of platforms and lines, by every protocol and with kills between, are in tests/chaos/proofs/test_uploads.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hospital_sim.platform.habits import Habit
from pacs_module.domain.retry import RetryPolicy
from pacs_module.ports import Uploader
from pacs_module.use_cases.upload.send import SendUploads
from tests.contract.upload import upload_cases
from tests.contract.upload.upload_cases import UploadCase, checksum
from tests.fakes.pipeline import UID
from tests.fakes.platform import Edge

MANY = RetryPolicy(attempts=50, first=timedelta(seconds=30), longest=timedelta(minutes=5))
WAYS = ("http-put", "http-form", "http-resumable", pytest.param("s3", marks=pytest.mark.server("moto")))
IMAGES = 6


@pytest.fixture(scope="module", params=WAYS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadCase]:
    """One platform for all habits: each test hands over a study of its own."""
    yield from upload_cases.make(request.param, tmp_path_factory.mktemp("platform"))


def worker(edge: Edge, uploader: Uploader) -> SendUploads:
    sender = edge.sender()
    sender.uploader, sender.plan = uploader, replace(sender.plan, batch=2, retry=MANY)
    return sender


def upload_all(edge: Edge, case: UploadCase, study: str, handover: str, most: int = 40) -> None:
    """As the loop does, with pauses that pass at once."""
    uploader = case.open()
    for _ in range(most):
        worker(edge, uploader)()
        if edge.upload(handover, study=study).state == "verified":
            break
        edge.clock.pass_seconds(400)
    uploader.close()
    assert edge.upload(handover, study=study).state == "verified", edge.upload(handover, study=study).reason


def check(edge: Edge, case: UploadCase, study: str, handover: str) -> None:
    """Equal on both sides, of this study."""
    here = sorted((edge.folder / "store" / handover).glob("*.dcm"))
    wanted = {f"{study}.1.{number}": checksum(file.read_bytes()) for number, file in enumerate(here, start=1)}
    there = {uid: told for uid, told in case.images().items() if uid.startswith(f"{study}.")}
    assert there == wanted
    assert case.half_seen() == []


def test_a_platform_that_refuses_what_it_has_already(case: UploadCase, tmp_path: Path) -> None:
    study = f"{UID}.900"
    edge = Edge(tmp_path)
    handover = edge.hand_over(IMAGES, pushed=True, study=study)
    edge.route()
    uploader = case.open()  # everything is there already, and it says so to each repeat
    uploader.put(edge.source.images(str(tmp_path / "store" / handover), edge.plans[0].names, "H1"))
    uploader.close()
    case.habits.set(Habit.CONFLICT, 3)
    upload_all(edge, case, study, handover)
    case.habits.clear()
    check(edge, case, study, handover)


def test_a_platform_that_knows_no_head_is_asked_otherwise(case: UploadCase, tmp_path: Path) -> None:
    study = f"{UID}.800"
    edge = Edge(tmp_path)
    handover = edge.hand_over(IMAGES, pushed=True, study=study)
    edge.route()
    case.habits.set(Habit.NO_HEAD)
    upload_all(edge, case, study, handover)
    assert edge.upload(handover, study=study).attempts == 0
    case.habits.clear()
    check(edge, case, study, handover)


def test_a_platform_that_is_away_for_long_costs_no_attempt(case: UploadCase, tmp_path: Path) -> None:
    study = f"{UID}.700"
    edge = Edge(tmp_path)
    handover = edge.hand_over(IMAGES, pushed=True, study=study)
    edge.route()
    away = case.closed()
    for _ in range(30):
        worker(edge, away)()
        edge.clock.pass_seconds(600)
    away.close()
    upload = edge.upload(handover, study=study)
    assert (upload.state, upload.attempts) == ("queued", 0)
    upload_all(edge, case, study, handover)
    check(edge, case, study, handover)
