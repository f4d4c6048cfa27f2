"""
K11: a study that was found is pulled, though its PACS never answers for its series.

Does not prove that the plugins filter its images (tests/unit/plugins/receive).
"""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import (
    PermanentError,
    PipelineError,
    RetriableError,
    TooManyAnswers,
    Unreachable,
    UnreadableAnswers,
)
from tests.fakes.pipeline import THICK, UID, Pipeline, at_series_level, series_answer

MINUTE = 60


def asked_after(world: Pipeline, limit_s: int = 3600) -> int | None:
    """Seconds until the pull is asked for."""
    world.until_stable()
    for seconds in range(0, limit_s, 15):
        if world.pull():
            return seconds
        world.clock.pass_seconds(15)
    return None


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (RetriableError("find at A: ReadTimeout"), 9 * MINUTE, 11 * MINUTE),
        (Unreachable("no route"), 9 * MINUTE, 11 * MINUTE),
        (TooManyAnswers([series_answer(THICK, 100)]), 0, 0),
        (TooManyAnswers(None), 0, 0),
        (TooManyAnswers([], status=0xC001), 0, 0),
        (UnreadableAnswers("HTTP 400"), 0, 0),
        (PermanentError("A900"), 0, 0),
    ],
)
def test_k11_a_pacs_that_never_answers_for_the_series_of_a_study_is_pulled_from_whole(
    error: PipelineError, least: int, most: int
) -> None:
    world = at_series_level()
    world.pacs.errors["A", "SERIES"] = error
    seconds = asked_after(world)
    assert seconds is not None
    assert least <= seconds <= most
    (request,) = world.plugins.asked
    assert (request.level, request.study_uid, request.filtered, request.expected) == ("STUDY", UID, {}, 100)


def test_k11_the_wait_ends_with_an_answer_and_begins_anew() -> None:
    world = at_series_level()
    world.pacs.errors["A", "SERIES"] = RetriableError("find at A: ReadTimeout")
    world.until_stable()
    for _ in range(9):
        assert world.pull() == 0
        world.clock.pass_seconds(MINUTE)
    del world.pacs.errors["A", "SERIES"]
    world.pacs.series["A"] = [series_answer(THICK, 100, SliceThickness="8")]
    assert world.pull() == 0
    assert world.plugins.asked == [], "every series was filtered at find"
