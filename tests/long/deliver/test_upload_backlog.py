"""
Ten thousand images wait while the line to the platform is down for long, and the offline cache reaches its limits: what
happens is what the setting says, and nothing else is lost (E5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hospital_sim.platform.store import PlatformStore, serve
from pacs_module.adapters.upload.http import HttpPlace, HttpUploader
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.upload.cache_limits import CacheLimits, WhenFull
from pacs_module.domain.upload.upload_state import UploadState
from pacs_module.shared.http import HttpLink
from tests.chaos.rig.proxy import Mode, Proxy
from tests.fakes.pipeline import UID
from tests.fakes.platform import Edge

STUDIES, IMAGES = 100, 100
FITS = 60
"""Studies that the cache has room for."""
BY_FILES = CacheLimits(files=FITS * IMAGES, size=10**12)
RETRY = RetryPolicy(attempts=6, first=timedelta(seconds=30), longest=timedelta(minutes=5))
HOURS_AWAY = 48


class Line:
    """A platform that keeps files, behind a line that is cut."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.store = PlatformStore(folder)
        self.server = serve(self.store)
        self.server.__enter__()
        self.proxy = Proxy(urlsplit(self.server.url).port or 0)
        self.proxy.mode = Mode.REFUSE

    def uploader(self) -> HttpUploader:
        place = HttpPlace(f"http://127.0.0.1:{self.proxy.port}", staged=False, timeout=20)
        return HttpUploader(place, HttpLink("the platform", keep=True))

    def images(self) -> dict[str, str]:
        return {Path(name).stem: _sha256(self.store.folder / name) for name in self.store.names()}

    def close(self) -> None:
        self.proxy.close()
        self.server.__exit__(None, None, None)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path / "platform")
    yield made
    made.close()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def arrive(edge: Edge, line: Line) -> dict[str, dict[str, str]]:
    """All studies, an hour apart or so, while nobody can be reached: checksums by study and image."""
    uploader, made = line.uploader(), {}
    sender = edge.sender()
    sender.uploader, sender.plan = uploader, replace(sender.plan, retry=RETRY)
    for number in range(1, STUDIES + 1):
        uid = f"{UID}.{number}"
        handover = edge.hand_over(IMAGES, pushed=True, study=uid)
        files = sorted((edge.folder / "store" / handover).glob("*.dcm"))
        made[uid] = {f"{uid}.1.{place}": _sha256(file) for place, file in enumerate(files, start=1)}
        while edge.route():
            pass
        sender()
        edge.clock.pass_seconds(HOURS_AWAY * 3600 / STUDIES)
    return made


def catch_up(edge: Edge, line: Line) -> None:
    """The line is there again: route, send and tend, as the loops do, until nothing is left to be done."""
    line.proxy.mode = Mode.PASS
    sender = edge.sender()
    sender.uploader, sender.plan = line.uploader(), replace(sender.plan, batch=50, retry=RETRY)
    assert edge.fill is not None
    idle = 0
    while idle < 3:
        done = [edge.route(), sender()]
        edge.fill.tend()
        idle = 0 if any(done) else idle + 1
        if not any(done):
            edge.clock.pass_seconds(400)


def states(edge: Edge) -> dict[str, tuple[UploadState, str]]:
    """State and reason of each study's upload."""
    studies = [edge.store.get(f"{UID}.{number}") for number in range(1, STUDIES + 1)]
    return {
        one.study_uid: (one.uploads[0].state, one.uploads[0].reason) for one in studies if one is not None
    }


def test_a_cache_that_waits_loses_nothing(line: Line, tmp_path: Path) -> None:
    edge = Edge(tmp_path, limits=BY_FILES)
    made = arrive(edge, line)
    assert edge.cache is not None
    assert sum(one.files for one in edge.cache.all()) == FITS * IMAGES
    assert len(edge.route.waits_for_room) == STUDIES - FITS
    assert edge.log.keys.count("cache_full") == 1
    catch_up(edge, line)
    assert {state for state, _ in states(edge).values()} == {UploadState.VERIFIED}
    wanted = {uid: told for images in made.values() for uid, told in images.items()}
    assert len(wanted) == STUDIES * IMAGES
    assert line.images() == wanted
    assert line.store.half_seen == []
    assert list(edge.cache.all()) == []


def test_where_the_site_says_so_the_oldest_go_by_name_and_nothing_else(line: Line, tmp_path: Path) -> None:
    edge = Edge(tmp_path, limits=replace(BY_FILES, when_full=WhenFull.DROP_OLDEST))
    made = arrive(edge, line)
    dropped = list(made)[: STUDIES - FITS]
    events = zip(edge.log.keys, edge.log.events, strict=True)
    told = [values["studyUID"] for key, (_, values) in events if key == "cache_dropped"]
    assert told == dropped
    catch_up(edge, line)
    found = states(edge)
    assert [uid for uid, (state, _) in found.items() if state is UploadState.DROPPED] == dropped
    assert all("dropped from the cache: the cache is full" in found[uid][1] for uid in dropped)
    assert {found[uid][0] for uid in list(made)[STUDIES - FITS :]} == {UploadState.VERIFIED}
    kept = [images for uid, images in made.items() if uid not in dropped]
    assert line.images() == {uid: told for images in kept for uid, told in images.items()}
