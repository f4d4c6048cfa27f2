"""
A PACS that tells no counts: what grows there is pulled again, within a budget that stands in the document.

Does not prove that a real PACS answers like this; the find matrix plays it against the simulated one.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from pacs_module.domain.errors import PermanentError, RetriableError
from pacs_module.domain.json_messages.messages import SeriesReport
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import GROWTH_CHECK, PULL
from tests.fakes.pipeline import H1, THICK, THIN, UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY

HOUR = 3600


@pytest.fixture
def world() -> Pipeline:
    return Pipeline(switches=Switches(find_pacs_use_series=True))


def settled(world: Pipeline, *series: str, received: int = 0, **changed: str) -> None:
    """Found without counts, pulled with these series, and settled."""
    world.pacs.series["A"] = [series_answer(uid, None) for uid in series]
    world.pacs.studies["A"] = [answer(count=None, **changed)]
    world.find("A", DAY)
    world.clock.pass_seconds(world.stability.delay.total_seconds())
    world.find("A", DAY)
    pull(world, received)


def pull(world: Pipeline, received: int = 0) -> None:
    """The due pull, and its end."""
    assert world.pull() == 1
    request = world.plugins.asked[-1]
    reports = tuple(
        SeriesReport(uid, True, "", "", received) for uid in request.series_uids or (THIN,) if received
    )
    world.filtered(request, received=received, series=reports)
    assert world.study().state is State.UNSUPPORTED_SERIES


def looks(world: Pipeline, seconds: float = 48 * HOUR) -> list[float]:
    """After how many seconds each look was made, in so long a time."""
    begin, made = world.clock.now(), []
    while world.clock.now() < begin + 1000 * seconds:
        world.clock.pass_seconds(60)
        world.pacs.asked.clear()
        while world.look("A") is not None:
            made += [(world.clock.now() - begin) / 1000] * bool(world.pacs.asked)
    return made


def images(world: Pipeline, uid: str, number: int) -> None:
    """The PACS has so many images of a series."""
    told = {"StudyInstanceUID": UID, "SeriesInstanceUID": uid}
    others = [one for one in world.pacs.images["A"] if one["SeriesInstanceUID"] != uid]
    world.pacs.images["A"] = [*others, *({**told, "SOPInstanceUID": f"{uid}.{n}"} for n in range(number))]


def test_a_series_that_comes_hours_late_is_pulled(world: Pipeline) -> None:
    settled(world, THIN)
    looks(world, 5 * HOUR)
    world.pacs.series["A"].append(series_answer(THICK, None))
    looks(world, 6 * HOUR)
    study = world.study()
    assert study.state is State.META_ONLY
    assert study.why == f"A, which tells no counts: 1 new series: {THICK}"
    assert world.pull() == 1
    assert set(study.look.series if study.look else ()) == {THIN, THICK}


def test_what_has_just_come_is_given_the_delay(world: Pipeline) -> None:
    settled(world, THIN)
    world.pacs.series["A"].append(series_answer(THICK, None))
    world.clock.pass_seconds(5 * 60)
    assert world.look("A") == 1
    assert world.study().due[PULL] == world.clock.now() + world.stability.delay / timedelta(milliseconds=1)
    assert world.pull() == 0


def test_radiographs_are_pulled_at_once() -> None:
    world = Pipeline()
    world.pacs.series["A"] = [series_answer(THIN, None, Modality="DX")]
    world.pacs.studies["A"] = [answer(count=None, ModalitiesInStudy="DX")]
    world.find("A", DAY)
    pull(world)
    world.pacs.series["A"].append(series_answer(THICK, None, Modality="DX"))
    world.clock.pass_seconds(5 * 60)
    assert world.look("A") == 1
    pull(world)


def test_the_looks_get_rarer_and_end(world: Pipeline) -> None:
    settled(world, THIN)
    made = looks(world, 72 * HOUR)
    assert [round(at / 60) for at in made] == [
        5,
        15,
        35,
        75,
        155,
        315,
        635,
        995,
        1355,
        1715,
        2075,
        2435,
        2795,
    ]
    assert GROWTH_CHECK not in world.study().due


def test_a_study_of_another_modality_is_looked_into_three_times_only() -> None:
    """
    Its PACS tells neither counts nor modalities, so that every study of the day is asked for its series.
    """
    world = Pipeline()
    world.pacs.series["A"] = [
        series_answer(THIN, None, Modality="MR"),
        series_answer(THICK, None, Modality="SR"),
    ]
    world.pacs.studies["A"] = [answer(count=None, ModalitiesInStudy="")]
    world.find("A", DAY)
    world.clock.pass_seconds(world.stability.delay.total_seconds())
    world.find("A", DAY)
    assert world.pull() == 0
    assert world.study().state is State.UNSUPPORTED_SERIES
    assert [round(at / HOUR) for at in looks(world, 72 * HOUR)] == [6, 12, 18]


def test_the_budget_begins_anew_with_a_pull(world: Pipeline) -> None:
    settled(world, THIN)
    looks(world, 40 * HOUR)
    world.pacs.series["A"].append(series_answer(THICK, None))
    looks(world, 7 * HOUR)
    pull(world)
    assert len(looks(world, 72 * HOUR)) == 13


def test_what_it_announces_and_does_not_deliver_is_pulled_again_once(world: Pipeline) -> None:
    settled(world, THIN)
    world.pacs.series["A"].append(series_answer(THICK, None))
    looks(world, HOUR)
    pull(world)
    looks(world, 72 * HOUR)
    assert len(world.plugins.asked) == 2


def test_counts_at_series_level_are_enough(world: Pipeline) -> None:
    settled(world, THIN, received=80)
    world.pacs.series["A"] = [series_answer(THIN, 80)]
    looks(world, HOUR)
    assert world.study().state is State.UNSUPPORTED_SERIES
    world.pacs.series["A"] = [series_answer(THIN, 81)]
    looks(world, 2 * HOUR)
    assert world.study().why == f"A, which tells no counts: series {THIN} has 81 instances, 80 before"


def test_images_that_come_after_the_pull_are_counted_one_by_one_in_the_first_looks(world: Pipeline) -> None:
    images(world, THIN, 80)
    settled(world, THIN, received=80)
    images(world, THIN, 83)
    world.clock.pass_seconds(5 * 60)
    assert world.look("A") == 2
    assert world.study().why == f"A, which tells no counts: series {THIN} has 83 instances, 80 before"


def test_images_are_asked_for_in_the_first_three_looks_only(world: Pipeline) -> None:
    images(world, THIN, 80)
    settled(world, THIN, received=80)
    levels = []
    for _ in range(600):
        world.clock.pass_seconds(300)
        world.pacs.asked.clear()
        while world.look("A") is not None:
            pass
        levels += [level for _, level, _ in world.pacs.asked]
    assert levels.count("SERIES") == 13
    assert levels.count("IMAGE") == 3


@pytest.mark.parametrize("refused", [True, False])
def test_without_series_level_all_images_of_the_study_are_counted(refused: bool) -> None:
    world = Pipeline(with_series=("A",) if refused else ())
    if refused:
        world.pacs.errors["A", "SERIES"] = PermanentError("A900")
    images(world, THIN, 80)
    settled(world, THIN, received=80)
    looks(world, HOUR)
    assert len(world.plugins.asked) == 1
    images(world, THIN, 90)
    looks(world, HOUR)
    assert world.study().why == "A, which tells no counts: the study has 90 instances, 80 before"


def test_a_pacs_that_tells_nothing_at_all_ends_the_budget_and_says_so(world: Pipeline) -> None:
    settled(world, THIN)
    world.pacs.series["A"] = []
    assert len(looks(world, 72 * HOUR)) == 13
    assert [what for what, _ in world.log.events].count("growth cannot be told") == 13


def test_a_pacs_that_does_not_answer_costs_nothing_of_the_budget(world: Pipeline) -> None:
    settled(world, THIN)
    world.pacs.errors["A", "SERIES"] = RetriableError("away")
    for _ in range(20):
        world.clock.pass_seconds(HOUR)
        with pytest.raises(RetriableError):
            world.look("A")
        assert world.look("A") is None, "not again at once"
    world.pacs.errors.clear()
    assert len(looks(world, 72 * HOUR)) == 13


def test_nothing_is_asked_while_it_is_being_pulled(world: Pipeline) -> None:
    settled(world, THIN)
    world.pacs.series["A"].append(series_answer(THICK, None))
    looks(world, HOUR)
    assert world.pull() == 1
    assert looks(world, HOUR) == []


def test_a_pacs_that_tells_counts_is_never_asked(world: Pipeline) -> None:
    world.until_handed_over()
    assert world.study().look is None
    assert looks(world, 72 * HOUR) == []


def test_counts_from_another_pacs_speak_for_it() -> None:
    world = Pipeline(pacs=("A", "B"))
    settled(world, THIN)
    world.pacs.studies["B"] = [answer(count=100)]
    world.find("B", DAY)
    assert GROWTH_CHECK not in world.study().due, "at once, not when it would have been due"
    assert looks(world, 72 * HOUR) == []


def test_a_count_that_is_told_while_it_is_looked_into_ends_the_looks(
    world: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(world, THIN)
    world.clock.pass_seconds(5 * 60)

    def told_meanwhile(*_: object) -> list[dict[str, str]]:
        monkeypatch.undo()
        world.pacs.studies["A"] = [answer(count=100)]
        world.find("A", DAY)
        return [series_answer(THIN, None)]

    monkeypatch.setattr(world.pacs, "find", told_meanwhile)
    assert world.look("A") is not None
    assert GROWTH_CHECK not in world.study().due


def test_where_no_count_is_told_any_more_the_looks_begin_anew(world: Pipeline) -> None:
    settled(world, THIN, received=100)
    for count in (100, None):
        world.pacs.studies["A"] = [answer(count=count)]
        world.find("A", DAY)
    assert GROWTH_CHECK in world.study().due
    assert looks(world, HOUR) != []


def test_a_study_that_came_unasked_and_was_pulled_before_the_pacs_counted_it_is_due_no_more(
    world: Pipeline,
) -> None:
    """
    Its files were lost before the PACS had it; the counts of the PACS speak for it from the first find on.
    """
    world.accept(world.message(None))
    world.publish()
    world.files.counts[f"/store_image/{H1}"] = 0
    world.deliver(0)
    assert world.pull() == 1
    assert GROWTH_CHECK in world.study().due
    world.report(world.plugins.asked[-1], "failed", received=0)
    world.pacs.studies["A"] = [answer(count=80)]
    world.find("A", DAY)
    assert GROWTH_CHECK not in world.study().due


def test_what_came_unasked_is_looked_into_once_it_is_found(world: Pipeline) -> None:
    world.accept(world.message(None, 80))
    world.pacs.series["A"] = [series_answer(THIN, None)]
    world.pacs.studies["A"] = [answer(count=None)]
    world.find("A", DAY)
    looks(world, HOUR)
    assert world.study().state is State.PULL_DATA_END
    world.pacs.series["A"].append(series_answer(UID + ".3", None))
    looks(world, 2 * HOUR)
    assert world.study().state is State.META_ONLY


def test_a_restart_forgets_nothing(world: Pipeline) -> None:
    settled(world, THIN)
    looks(world, 3 * HOUR)
    after = Pipeline(store=world.store, switches=Switches(find_pacs_use_series=True))
    after.clock.at = world.clock.at
    after.pacs.series["A"] = [series_answer(THIN, None), series_answer(THICK, None)]
    looks(after, 3 * HOUR)
    assert after.study().state is State.META_ONLY
