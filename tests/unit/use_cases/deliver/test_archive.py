"""A computed hand-over is archived before its folder is let go; one that nobody computed is not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.study.lifecycle import State
from pacs_module.use_cases.deliver.archive import KeepArchive
from tests.fakes.pipeline import H1, Pipeline
from tests.fakes.world import FakeArchive


@pytest.fixture
def archive() -> FakeArchive:
    made = FakeArchive()
    made.asked = (H1, "unknown")
    return made


@pytest.fixture
def world(archive: FakeArchive, tmp_path: Path) -> Pipeline:
    world = Pipeline()
    world.release.archive = KeepArchive(world.store, archive, world.clock, world.log)
    world.until_handed_over()
    study = world.study()
    study.handovers[0].filepath = str(tmp_path)
    assert world.store.replace(study)
    return world


def test_archived_after_the_result_and_before_the_release(
    world: Pipeline, archive: FakeArchive, tmp_path: Path
) -> None:
    world.published()
    assert archive.kept == []  # never before the backend is done
    assert world.result("completed") == "recorded"
    world.clock.pass_seconds(700)
    assert world.release()
    assert archive.kept == [(H1, tmp_path)]
    assert world.plugins.released == [H1]
    assert world.study().handovers[0].archived_at
    assert world.study().history[-1].why == f"3 files, 900 bytes as 300: /archive/2020-06-18/{H1}"


def test_what_cannot_be_archived_is_not_let_go(world: Pipeline, archive: FakeArchive) -> None:
    world.published()
    world.result("completed")
    world.clock.pass_seconds(700)
    archive.error = RetriableError("archive: No space left on device")
    with pytest.raises(RetriableError):
        world.release()
    assert world.plugins.released == []
    archive.error = None
    assert not world.release()  # after a pause, not after the claim's quarter of an hour
    world.clock.pass_seconds(31)
    assert world.release()
    assert world.plugins.released == [H1]


def test_what_nobody_computed_is_not_archived(world: Pipeline, archive: FakeArchive) -> None:
    world.files.counts[world.study().handovers[0].filepath] = 0
    world.published()
    assert world.deliver(0.1)
    assert world.study().state is State.META_ONLY
    world.clock.pass_seconds(700)
    assert world.release()
    assert archive.kept == []


def test_old_days_are_removed_and_that_is_said(world: Pipeline, archive: FakeArchive) -> None:
    assert world.release.archive is not None
    archive.days["old"] = date(2020, 5, 1)
    assert not world.release.archive.sweep()
    assert world.log.events[-1] == ("archive: old days removed", {"level": "INFO", "days": ["2020-05-01"]})


def test_what_is_archived_already_is_being_written_no_more(world: Pipeline, archive: FakeArchive) -> None:
    assert world.release.archive is not None
    world.release.archive.sweep()
    assert archive.made == [H1]
    world.published()
    world.result("completed")
    world.clock.pass_seconds(700)
    assert world.release()
    world.release.archive.sweep()
    assert archive.made == []
