"""
The first pull of a study asks only for the series that may be the one to compute, where its PACS is filtered
at SERIES level; nothing is lost when the images show that another one is.

Does not prove that Orthanc moves anything; the plugins are a list of what they were asked.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import UnreadableAnswers
from pacs_module.domain.json_messages.messages import PullRequest, SeriesOutcome, SeriesReport
from pacs_module.domain.study.lifecycle import Event, State
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, at_series_level, series_answer

THIRD, HEAD = UID + ".4", UID + ".5"
EVEN = [series_answer(THIN, 80), series_answer(THICK, 40, SliceThickness="3.0")]


def at_series_level_of(*series: dict[str, str]) -> Pipeline:
    """The PACS has these series of the study, and is filtered at SERIES level."""
    world = at_series_level()
    world.pacs.series["A"] = list(series)
    return world


def thin_came(taken: bool) -> SeriesReport:
    """All 80 images of the thin series came."""
    value = "CHEST" if taken else "HEAD"
    return SeriesReport(
        THIN, taken, "body part", f"BodyPartExamined {value}", 80, 80, "CT", "THIN", stage="reception"
    )


def test_only_the_series_that_would_be_chosen_is_pulled_and_the_other_says_why_not() -> None:
    world = at_series_level_of(*EVEN)
    request = world.until_asked(120)
    assert (request.level, request.series_uids, request.expected) == ("SERIES", (THIN,), 80)
    study = world.study()
    assert (study.series[THICK].outcome, study.series[THICK].taken) == (SeriesOutcome.KEPT_BACK, True)
    assert study.series[THICK].outcome_why == "1 of 2 series may be the one to compute"


def test_what_may_still_beat_it_is_pulled_with_it() -> None:
    thickness_not_told = series_answer(THICK, 40, SliceThickness="")
    third = series_answer(THIRD, 30, SliceThickness="3.0")
    request = at_series_level_of(series_answer(THIN, 80), thickness_not_told, third).until_asked(150)
    assert set(request.series_uids) == {THIN, THICK}


@pytest.mark.parametrize(
    ("series", "announced", "modality"),
    [
        ([series_answer(THIN, 80), series_answer(THICK, 40, SliceThickness="")], 120, "CT"),
        ([series_answer(THIN, 80), series_answer(THICK, None, SliceThickness="3.0")], 120, "CT"),
        (EVEN, 121, "CT"),
        ([series_answer(THIN, 1, Modality="DX"), series_answer(THICK, 1, Modality="DX")], 2, "DX"),
    ],
    ids=["nothing is beaten", "a series without a count", "a list that leaves one out", "radiography"],
)
def test_where_the_list_does_not_decide_all_that_the_filter_leaves_is_pulled(
    series: list[dict[str, str]], announced: int, modality: str
) -> None:
    request = at_series_level_of(*series).until_asked(announced, ModalitiesInStudy=modality)
    assert (request.level, request.series_uids) == ("STUDY", ())


def test_a_pacs_that_is_not_filtered_at_series_level_is_moved_from_as_a_whole() -> None:
    world = Pipeline()
    world.pacs.series["A"] = EVEN
    assert world.until_asked(120).level == "STUDY"


def test_when_its_images_are_filtered_out_all_are_pulled() -> None:
    world = at_series_level_of(*EVEN, series_answer(THIRD, 30, SliceThickness="5.0"))
    request = world.until_asked(150)
    assert request.series_uids == (THIN,)
    world.filtered(request, received=80, series=(thin_came(taken=False),))
    assert world.pull() == 1
    assert world.plugins.asked[-1].level == "STUDY"


def test_what_comes_short_is_pulled_again_as_before() -> None:
    world = at_series_level_of(*EVEN)
    request = world.until_asked(120)
    world.report(request, "short", "SHORT 70/80", received=70)
    world.clock.pass_seconds(30)
    assert world.pull() == 1
    assert world.plugins.asked[-1].series_uids == (THIN,)


def test_k13_what_is_pulled_again_is_counted_by_what_was_announced_where_the_pacs_is_silent_now() -> None:
    """Without a count half of the series would be taken for all of it."""
    world = at_series_level_of(*EVEN)
    request = world.until_asked(120)
    world.report(request, "short", "SHORT 70/80", received=70)
    world.pacs.errors["A", "SERIES"] = UnreadableAnswers("Orthanc cannot read the answers of A")
    world.clock.pass_seconds(30)
    assert world.pull() == 1
    again = world.plugins.asked[-1]
    assert (again.series_uids, again.expected, again.expected_series) == ((THIN,), 80, {THIN: 80})
    assert again.announced == request.announced


def test_the_last_attempt_asks_for_the_others_too() -> None:
    world = at_series_level_of(*EVEN, series_answer(HEAD, 30, BodyPartExamined="HEAD"))
    request = world.until_asked(150)
    while not request.final:
        assert request.series_uids == (THIN,)
        world.report(request, "failed", message="the job ended without an image")
        world.clock.pass_seconds(3600)
        assert world.pull() == 1
        request = world.plugins.asked[-1]
    assert set(request.series_uids) == {THIN, THICK}


def handed_over() -> tuple[Pipeline, PullRequest]:
    world = at_series_level_of(*EVEN)
    request = world.until_asked(120)
    assert world.accept(world.message(request, 80, seriesReports=[]))
    assert world.report(request, "received", "COMPLETE", received=80, series=(thin_came(taken=True),))
    return world, request


def test_a_worse_series_that_comes_later_is_not_pulled() -> None:
    world, _ = handed_over()
    world.pacs.series["A"] = [*EVEN, series_answer(THIRD, 30, SliceThickness="5.0")]
    asked = len(world.plugins.asked)
    world.until_stable(150)
    assert (world.pull(), len(world.plugins.asked)) == (0, asked)
    assert world.study().state is State.PULL_DATA_END


def test_a_better_series_that_comes_later_is_pulled_by_itself() -> None:
    world, _ = handed_over()
    world.pacs.series["A"] = [*EVEN, series_answer(THIRD, 160, SliceThickness="0.5")]
    world.until_stable(280)
    assert world.pull() == 1
    assert world.plugins.asked[-1].series_uids == (THIRD,)


def test_by_hand_the_first_pull_is_of_the_best_series_and_the_second_of_all() -> None:
    world, _ = handed_over()
    study = world.study()
    study.forced = True
    study.apply(Event.MANUAL, "study: once more", world.clock.now())
    study.pull_now(world.clock.now())
    assert world.store.replace(study)
    assert world.pull() == 1
    again = world.plugins.asked[-1]
    assert (again.level, again.forced) == ("STUDY", True)
