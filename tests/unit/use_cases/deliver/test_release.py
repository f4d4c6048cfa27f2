"""Release: a folder is kept for its retention and then given back, once the plugins hear of it."""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import Unreachable
from pacs_module.domain.study.study import RELEASE
from tests.fakes.pipeline import H1, H2, RETENTION_S, Pipeline


def test_each_folder_is_kept_for_its_own_retention(world: Pipeline) -> None:
    world.until_handed_over()
    world.result("completed")
    world.clock.pass_seconds(RETENTION_S - 10)
    world.until_stable(120)
    world.pull()
    world.accept(world.message(world.plugins.asked[-1], 110))
    world.result("completed", H2)
    assert world.release()
    assert world.plugins.released == [H1]
    assert not world.release()
    world.clock.pass_seconds(RETENTION_S)
    assert world.release()
    assert world.plugins.released == [H1, H2]
    assert RELEASE not in world.study().due


def test_a_release_that_the_plugins_do_not_hear_is_repeated(world: Pipeline) -> None:
    world.until_handed_over()
    world.result("completed")
    world.clock.pass_seconds(RETENTION_S)
    world.plugins.deaf = Unreachable("Orthanc restarts")
    with pytest.raises(Unreachable):
        world.release()
    world.plugins.deaf = None
    assert not world.release()
    world.clock.pass_seconds(60)
    assert world.release()
    assert world.plugins.released == [H1]
