"""
kill -9 at every step of an upload, with a real store, cache and platform: nothing is lost, nothing is seen half, and what
the platform has in the end is equal image by image.

The worker is the use cases in a process of its own, not the whole service: that the service's loops go on after a kill is
for the matrix.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from hospital_sim.platform.store import PlatformStore, serve
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.study import Study
from pacs_module.domain.study.uploads import schedule_routing
from pacs_module.shared.crash_points import VARIABLE
from tests.contract.upload_cases import checksum
from tests.support.ct_files import ct_file
from tests.support.upload_servers import BUCKET, S3Server

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("cached", "routed", "to_upload", "uploading", "uploaded", "upload_verified")
IMAGES, STUDIES = 5, 2
Shown = Callable[[], Mapping[str, str]]


@contextmanager
def http_platform(folder: Path) -> Iterator[tuple[str, Shown]]:
    store = PlatformStore(folder)
    with serve(store) as server:

        def shown() -> Mapping[str, str]:
            assert store.half_seen == []
            return {Path(name).stem: checksum((folder / name).read_bytes()) for name in store.names()}

        yield server.url, shown


@contextmanager
def s3_platform(folder: Path) -> Iterator[tuple[str, Shown]]:
    server = S3Server()
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=server.url, **keys)

    def shown() -> Mapping[str, str]:
        listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        keys = [one["Key"] for one in listed if not one["Key"].startswith(".incoming/")]
        bodies = {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
        return {Path(key).stem: checksum(body) for key, body in bodies.items()}

    try:
        yield server.url, shown
    finally:
        client.close()
        server.stop()


PLATFORMS = {"http": http_platform, "s3": s3_platform}


def handed_over(folder: Path) -> dict[str, str]:
    """Some studies wait to be routed; their images by SOPInstanceUID."""
    store, images = SqliteStore(folder / "study.db"), {}
    for number in range(1, STUDIES + 1):
        uid, handover = f"1.2.3.{number}", f"{number:032x}"
        here = folder / "store" / handover
        here.mkdir(parents=True)
        for image in range(1, IMAGES + 1):
            file = here / f"{image:05d}.dcm"
            ct_file(file, uid, f"{uid}.1", image)
            images[f"{uid}.1.{image}"] = checksum(file.read_bytes())
        item = HandOver(handover, f"{uid}.1", IMAGES, str(here), {"studyUID": uid, "priorities": 0}, "")
        study = Study(uid, handovers=[item])
        schedule_routing(study, 1)
        assert store.insert(study)
    store.close()
    (folder / "cache").mkdir()
    return images


def work(folder: Path, kind: str, url: str, fault: str = "") -> int:
    """Run a worker to its end; how it ended."""
    command = [sys.executable, "-m", "tests.chaos.upload_worker", str(folder), kind, url]
    environment = {**os.environ, VARIABLE: fault}
    return subprocess.run(command, cwd=ROOT, env=environment, timeout=120, check=False).returncode


@pytest.mark.parametrize("kind", [pytest.param("s3", marks=pytest.mark.server("moto")), "http"])
@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_any_step_loses_nothing(place: str, kind: str, tmp_path: Path) -> None:
    images = handed_over(tmp_path)
    (tmp_path / "platform").mkdir()
    with PLATFORMS[kind](tmp_path / "platform") as (url, shown):
        for _ in range(STUDIES):  # and the next process at the same place once more
            assert work(tmp_path, kind, url, place) == -signal.SIGKILL
            assert shown().items() <= images.items()
        assert work(tmp_path, kind, url) == 0
        assert shown() == images
    store = SqliteStore(tmp_path / "study.db")
    studies = [store.get(f"1.2.3.{number}") for number in range(1, STUDIES + 1)]
    assert [[one.state.value for one in study.uploads] for study in studies if study] == [
        ["verified"]
    ] * STUDIES
    assert [one.attempts for study in studies if study for one in study.uploads] == [0] * STUDIES
    store.close()
    assert list((tmp_path / "cache").iterdir()) == []
