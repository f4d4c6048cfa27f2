"""
What delivery asks of the world, fake and real through the same suite: Backend, CopyMaker, Archive.

Real: HTTP to a server on loopback; files and processes on this disk. The fakes are those of every unit test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from pacs_module.adapters.files.archive import CompressedArchive
from pacs_module.adapters.files.copies import AnonymousCopies
from pacs_module.adapters.http.backend import HttpBackend
from pacs_module.domain.errors import Busy, PipelineError, Refused, RetriableError, Unreachable
from pacs_module.domain.json_messages.messages import SeriesFolder
from pacs_module.ports import Archive, Backend, CopyMaker
from stack.ports import free_ports
from tests.fakes.pipeline import H1, H2
from tests.fakes.world import FakeArchive, FakeBackend, FakeCopies
from tests.support.images.ct_files import ct_file
from tests.support.servers.raw_http import answer_of, raw_server

STUDY, SERIES = "1.2.3.4", "1.2.3.4.1"
DAY = date(2026, 11, 26)
MESSAGE = {"studyUID": STUDY, "filepath": "/store_image/x"}


# --- Backend ---


@contextmanager
def real_backend(status: int | None) -> Iterator[Backend]:
    if status is None:
        (port,) = free_ports(1)
        yield HttpBackend(f"http://127.0.0.1:{port}/compute", "secret", 5)
        return
    with raw_server(answer_of(f"{status} x", b"its words", "Location: /app")) as server:
        yield HttpBackend(f"{server.url}/compute", "secret", 5)


ERRORS: dict[int | None, PipelineError] = {
    None: Unreachable("nobody there"),
    503: Busy("the backend answered 503"),
    500: RetriableError("the backend answered 500"),
    400: Refused("the backend", 400, "its words"),
    301: Refused("the backend", 301, "301 to /app"),
}


@contextmanager
def fake_backend(status: int | None) -> Iterator[Backend]:
    made = FakeBackend()
    made.error, made.is_gone = ERRORS.get(status), status is None
    yield made


BACKENDS = pytest.mark.parametrize("backend", [real_backend, fake_backend], ids=["http", "fake"])


@BACKENDS
@pytest.mark.parametrize("status", [200, 202, 204])
def test_2xx_is_accepted(backend: Callable[[int | None], Iterator[Backend]], status: int) -> None:
    with backend(status) as made:  # type: ignore[attr-defined]
        made.submit(MESSAGE, H1)
        assert not made.gone()


@BACKENDS
@pytest.mark.parametrize("status", ERRORS)
def test_what_else_it_can_say(backend: Callable[[int | None], Iterator[Backend]], status: int | None) -> None:
    with backend(status) as made, pytest.raises(PipelineError) as caught:  # type: ignore[attr-defined]
        made.submit(MESSAGE, H1)
    assert type(caught.value) is type(ERRORS[status])
    assert isinstance(caught.value, Refused) == (status in (301, 400))
    if isinstance(caught.value, Refused):
        assert caught.value.redirects == (status == 301)


@BACKENDS
def test_gone_is_who_refuses_the_connection(backend: Callable[[int | None], Iterator[Backend]]) -> None:
    with backend(None) as made:  # type: ignore[attr-defined]
        assert made.gone()


# --- CopyMaker ---


@dataclass
class Copying:
    copies: CopyMaker
    series: SeriesFolder


@pytest.fixture(params=["files", "fake"])
def copying(request: pytest.FixtureRequest, tmp_path: Path) -> Copying:
    folder = tmp_path / "store_image" / "x"
    folder.mkdir(parents=True)
    for number in (1, 2):
        ct_file(folder / f"{number:05d}.dcm", STUDY, SERIES, number)
    (tmp_path / "copies").mkdir()
    made = (
        FakeCopies()
        if request.param == "fake"
        else AnonymousCopies(tmp_path / "copies", b"a secret of the site")
    )
    return Copying(made, SeriesFolder(SERIES, str(folder), 2))


def test_a_copy_has_pseudonyms_and_a_folder_of_its_own(copying: Copying) -> None:
    copied = copying.copies.make(H1, STUDY, [copying.series])
    assert (copied.number, copied.failed, copied.removed) == (2, (), ())
    assert {copied.study_uid, copied.series[0].series_uid}.isdisjoint({STUDY, SERIES})
    assert copied.study_uid.startswith("2.25.")
    assert copied.filepath.endswith(f"/{H1}")
    assert copied.series[0].filepath.startswith(copied.filepath)


def test_made_twice_it_is_the_same(copying: Copying) -> None:
    assert copying.copies.make(H1, STUDY, [copying.series]) == copying.copies.make(
        H1, STUDY, [copying.series]
    )


def test_the_same_study_has_the_same_pseudonym_in_every_hand_over(copying: Copying) -> None:
    first, second = (copying.copies.make(name, STUDY, [copying.series]) for name in (H1, H2))
    assert (first.study_uid, first.filepath == second.filepath) == (second.study_uid, False)


def test_a_sweep_removes_what_is_not_kept_and_once(copying: Copying) -> None:
    for name in (H1, H2):
        copying.copies.make(name, STUDY, [copying.series])
    assert copying.copies.sweep(lambda name: name == H2, lambda name: False) == [H1]
    assert copying.copies.sweep(lambda name: name == H2, lambda name: False) == []
    copying.copies.remove(H2)
    copying.copies.remove(H2)
    copying.copies.remove("0" * 32)
    assert copying.copies.sweep(lambda name: False, lambda name: False) == []


# --- Archive ---


@dataclass
class Archiving:
    archive: Archive
    source: Path


@pytest.fixture(params=["files", "fake"])
def archiving(request: pytest.FixtureRequest, tmp_path: Path) -> Archiving:
    (tmp_path / "source").mkdir()
    for number in (1, 2, 3):
        ct_file(tmp_path / "source" / f"{number:05d}.dcm", STUDY, SERIES, number)
    (tmp_path / "archive").mkdir()
    made = (
        FakeArchive()
        if request.param == "fake"
        else CompressedArchive(tmp_path / "archive", FakeArchive.KEEP.days)
    )
    return Archiving(made, tmp_path / "source")


def test_stored_twice_it_is_there_once_under_its_first_day(archiving: Archiving) -> None:
    first = archiving.archive.store(H1, archiving.source, DAY)
    assert archiving.archive.store(H1, archiving.source, DAY + timedelta(days=1)) == first
    assert (first.files, first.folder.endswith(f"{DAY}/{H1}")) == (3, True)
    assert first.bytes_before > first.bytes_after > 0


def test_a_day_goes_when_it_is_over_and_no_sooner(archiving: Archiving) -> None:
    archiving.archive.store(H1, archiving.source, DAY)
    archiving.archive.store(H2, archiving.source, DAY + timedelta(days=1))
    last = DAY + FakeArchive.KEEP
    assert archiving.archive.sweep(last, lambda name: False) == []
    assert archiving.archive.sweep(last + timedelta(days=1), lambda name: False) == [str(DAY)]
    assert archiving.archive.sweep(last + timedelta(days=1), lambda name: False) == []
    assert archiving.archive.store(H1, archiving.source, last).folder.endswith(f"{last}/{H1}")
