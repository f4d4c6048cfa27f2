"""
A growing study at the FakePacs, second by second: what is asked, what is pulled, and what becomes of a wrong
guess.

Does not prove how fast this is; benchmarks/follow_the_scan.py measures that on real processes.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.errors import RetriableError, TooManyAnswers
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY

LATE = UID + ".9"


@pytest.fixture
def scan() -> Pipeline:
    world = Pipeline(switches=Switches(kernel_preferred=("B30f",)))
    world.following()
    return world


def at_pacs(world: Pipeline, found: bool = False, **series: tuple[int, str]) -> None:
    """What the PACS has now: instances and thickness by series."""
    uids = {"thin": THIN, "thick": THICK, "late": LATE}
    world.pacs.series["A"] = [
        series_answer(
            uids[name],
            count,
            SliceThickness=thickness,
            StationName="CT1",
            SeriesDescription=name,
            ConvolutionKernel="B30f",
        )
        for name, (count, thickness) in series.items()
    ]
    world.pacs.studies["A"] = [answer(count=sum(count for count, _ in series.values()))]
    if found:
        world.find("A", DAY)


def watch_s(world: Pipeline, seconds: float) -> int:
    """Time passes, the loop looks ten times a second; how many queries were sent."""
    before = len(world.pacs.asked)
    for _ in range(round(seconds * 10)):
        world.clock.pass_seconds(0.1)
        world.follow("A")
    return len(world.pacs.asked) - before


def grow_thin(world: Pipeline, *counts: int, thick: int = 60) -> None:
    """To each of the counts within a second, image by image."""
    before = 20
    for count in counts:
        for tenth in range(1, 11):
            grown = before + (count - before) * tenth // 10
            at_pacs(world, thick=(thick, "5.0"), thin=(grown, "1.0"))
            watch_s(world, 0.1)
        before = count


def pull_ahead(world: Pipeline) -> PullRequest:
    """The thin series has come, stands still, and is pulled."""
    at_pacs(world, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(world, 60, 100, 140, 160)
    watch_s(world, 5)
    assert world.pull() == 1
    return world.plugins.asked[-1]


def receive(world: Pipeline, request: PullRequest, instances: int, series: str = THIN) -> None:
    reports = [
        {
            "seriesUID": series,
            "taken": True,
            "rule": "all",
            "because": "",
            "received": instances,
            "inPacs": instances,
            "outcome": "handed_over",
        }
    ]
    message = world.message(request, instances, seriesUID=series, seriesReports=reports)
    assert world.accept(message)
    assert world.report(request, "received", "COMPLETE", received=instances)


def until_settled(world: Pipeline) -> None:
    """Two finds see the same counts, and the pull that is due then is prepared."""
    for _ in range(3):
        world.clock.pass_seconds(10)
        world.find("A", DAY)
    world.pull()


def test_the_series_to_compute_is_pulled_alone_while_the_study_grows(scan: Pipeline) -> None:
    request = pull_ahead(scan)
    assert (request.level, request.series_uids, request.expected_series) == ("SERIES", (THIN,), {THIN: 160})
    study = scan.study()
    assert study.pull is not None
    assert study.pull.early
    assert study.series[THICK].outcome == "kept_back"
    assert "series_stands_still" in scan.log.keys


def test_a_growing_study_costs_few_queries(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    before = len(scan.pacs.asked)
    grow_thin(scan, *range(40, 480, 40))
    watch_s(scan, 5)
    assert scan.pull() == 1
    assert len(scan.pacs.asked) - before <= 13


def test_without_the_trait_nothing_is_asked(scan: Pipeline) -> None:
    world = Pipeline()
    world.traits["A"] = replace(world.traits["A"], follow=False)
    world.finding.notice = world.follow.notice
    at_pacs(world, found=True, thin=(20, "1.0"))
    assert watch_s(world, 5) == 0


def test_the_rest_of_a_study_that_brings_nothing_better_is_not_pulled(scan: Pipeline) -> None:
    receive(scan, pull_ahead(scan), 160)
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(160, "1.0"), late=(40, "3.0"))
    assert scan.study().state is State.META_ONLY
    until_settled(scan)
    assert scan.study().state is State.PULL_DATA_END
    assert len(scan.plugins.asked) == 1
    scan.clock.pass_seconds(10)
    scan.find("A", DAY)
    assert scan.study().state is State.PULL_DATA_END, "it does not grow again by the same count"


@pytest.mark.parametrize("followed", [True, False])
def test_a_better_series_that_follows_is_pulled_and_handed_over(scan: Pipeline, followed: bool) -> None:
    """The thin one had as many instances: only because it was a guess is the other handed over (M17)."""
    receive(scan, pull_ahead(scan), 160)
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(160, "1.0"), late=(160, "0.6"))
    if followed:
        watch_s(scan, 10)
        assert scan.pull() == 1
    else:
        until_settled(scan)
    request = scan.plugins.asked[-1]
    assert (request.series_uids, request.forced) == ((LATE,), True)
    assert scan.knowledge.of("A").guesses["beaten"] == int(followed)


def test_a_late_series_hours_later_is_handed_over_by_the_resend_rule_alone(scan: Pipeline) -> None:
    receive(scan, pull_ahead(scan), 160)
    scan.clock.pass_seconds(6 * 3600)
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(160, "1.0"), late=(160, "0.6"))
    until_settled(scan)
    request = scan.plugins.asked[-1]
    assert (request.series_uids, request.forced) == ((LATE,), False)


def test_a_series_that_grows_after_its_pull_is_pulled_again_and_its_pause_is_learned(scan: Pipeline) -> None:
    receive(scan, pull_ahead(scan), 160)
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(300, "1.0"))
    watch_s(scan, 12)
    assert scan.pull() == 1
    request = scan.plugins.asked[-1]
    assert request.expected_series == {THIN: 300}
    known = scan.knowledge.of("A")
    assert (known.guesses["early"], known.guesses["grew"]) == (2, 1)
    assert known.pauses.of("CT1").longest > 1_000
    assert scan.knowledge.told("A")["pauses"]["CT1"]["longestMs"] == known.pauses.of("CT1").longest


def test_what_was_seen_before_a_pull_is_kept_until_the_study_is_watched_again(scan: Pipeline) -> None:
    receive(scan, pull_ahead(scan), 160)
    scan.follow._left[UID] = scan.clock.now() + 20_000
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(300, "1.0"))
    assert scan.follow.watched("A") == 0
    scan.clock.pass_seconds(30)
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(320, "1.0"))
    watch_s(scan, 2)
    assert scan.knowledge.of("A").pauses.of("CT1").longest > 1_000


def test_what_was_learned_is_known_to_the_next_start(scan: Pipeline) -> None:
    leases = MemoryLeases()
    world = Pipeline(leases=leases)
    world.following()
    request = pull_ahead(world)
    assert request.series_uids == (THIN,)
    again = Pipeline(leases=leases)
    assert again.knowledge.of("A").usual == world.knowledge.of("A").usual != {}


def test_after_a_device_was_seen_its_thick_series_is_not_taken_for_the_best(scan: Pipeline) -> None:
    receive(scan, pull_ahead(scan), 160)
    other = UID + "7"
    scan.pacs.studies["A"].append(answer(uid=other, count=60, AccessionNumber="A2"))
    scan.pacs.series["A"].append(
        series_answer(
            other + ".1", 60, study=other, SliceThickness="5.0", StationName="CT1", ConvolutionKernel="B30f"
        )
    )
    scan.find("A", DAY)
    watch_s(scan, 30)
    assert scan.study(other).ahead is None
    assert scan.pull() == 0


def test_a_series_that_its_images_filter_out_makes_the_whole_study_be_pulled(scan: Pipeline) -> None:
    request = pull_ahead(scan)
    scan.filtered(request)
    assert scan.study().state is State.META_ONLY
    assert scan.pull() == 1
    assert scan.plugins.asked[-1].level == "STUDY"
    scan.filtered(scan.plugins.asked[-1])
    assert scan.study().state is State.UNSUPPORTED_SERIES


def test_a_short_early_pull_is_repeated_for_the_same_series(scan: Pipeline) -> None:
    request = pull_ahead(scan)
    assert scan.report(request, "short", "SHORT 150 of 160", received=150)
    scan.clock.pass_seconds(60)
    assert scan.pull() == 1
    assert scan.plugins.asked[-1].series_uids == (THIN,)


def test_a_series_that_grew_before_it_was_pulled_is_counted_on(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(scan, 60, 100, 140, 160)
    watch_s(scan, 5)
    at_pacs(scan, thick=(60, "5.0"), thin=(200, "1.0"))
    assert scan.pull() == 0
    study = scan.study()
    assert (study.state, study.ahead, study.waits_for_pull) == (State.META_ONLY, None, False)
    until_settled(scan)
    assert scan.plugins.asked[-1].expected == 260


def test_a_series_that_grew_before_it_was_pulled_is_watched_at_once(scan: Pipeline) -> None:
    """Not when the next find sees it; and its pause is known then, half as long again is waited for."""
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(scan, 60, 100, 140, 160)
    watch_s(scan, 1)
    at_pacs(scan, thick=(60, "5.0"), thin=(200, "1.0"))
    assert scan.pull() == 0
    assert scan.follow.watched("A") == 1
    watch_s(scan, 3)
    assert 0 < scan.knowledge.of("A").pauses.of("CT1").longest < 2_500
    assert scan.pull() == 1
    assert scan.plugins.asked[-1].expected_series == {THIN: 200}


def test_when_the_next_query_is_due_is_known(scan: Pipeline) -> None:
    assert scan.follow.due_in_s("A") == math.inf
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    assert scan.follow.due_in_s("A") <= 0
    watch_s(scan, 0.1)
    wait = scan.follow.due_in_s("A")
    assert wait > 0.5, "the budget"
    scan.clock.pass_seconds(wait)
    before = len(scan.pacs.asked)
    scan.follow("A")
    assert len(scan.pacs.asked) == before + 1
    scan.follow.held = lambda pacs: "spared"
    assert scan.follow.due_in_s("A") == math.inf


def test_a_list_that_was_cut_proves_nothing(scan: Pipeline) -> None:
    """K12: the study is known to have more than its series tell."""
    at_pacs(scan, thin=(160, "1.0"))
    scan.pacs.studies["A"] = [answer(count=400)]
    scan.find("A", DAY)
    watch_s(scan, 30)
    assert scan.study().ahead is None


def test_a_list_that_the_pacs_says_was_cut_proves_nothing(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thin=(160, "1.0"))
    scan.pacs.errors["A", "SERIES"] = TooManyAnswers(scan.pacs.series["A"])
    watch_s(scan, 30)
    assert scan.study().ahead is None


def test_answers_about_another_study_are_none(scan: Pipeline) -> None:
    """K2: a PACS that ignores the StudyInstanceUID."""
    at_pacs(scan, found=True, thin=(160, "1.0"))
    scan.pacs.series["A"] = [{**one, "StudyInstanceUID": UID + ".77"} for one in scan.pacs.series["A"]]
    watch_s(scan, 30)
    assert scan.study().ahead is None


def test_without_counts_the_find_of_the_day_decides(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thin=(160, "1.0"))
    for one in scan.pacs.series["A"]:
        del one["NumberOfSeriesRelatedInstances"]
    assert watch_s(scan, 60) <= 1 + 10
    assert scan.study().ahead is None


def test_k12_a_pacs_that_tells_no_series_when_the_pull_is_due_has_not_told_another_count(
    scan: Pipeline,
) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(scan, 60, 100, 140, 160)
    watch_s(scan, 5)
    assert scan.study().ahead is not None
    scan.pacs.errors["A", "SERIES"] = RetriableError("association refused")
    assert scan.pull() == 0
    study = scan.study()
    assert (study.state, study.ahead) == (State.META_ONLY, None)
    assert study.why == "the PACS does not tell its series now: what was to be pulled ahead waits"


def test_nothing_is_asked_while_the_pacs_is_spared(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thin=(160, "1.0"))
    scan.follow.held = lambda pacs: "spared"
    assert watch_s(scan, 10) == 0


def test_the_budget_holds_over_all_studies(scan: Pipeline) -> None:
    scan.follow.queries_per_second = lambda pacs: 1.0
    uids = [f"{UID}.{number}00" for number in range(20)]
    scan.pacs.studies["A"] = [answer(uid=uid, count=10) for uid in uids]
    scan.find("A", DAY)
    assert scan.follow.watched("A") == 20
    assert watch_s(scan, 10) <= 11


def test_a_pacs_that_does_not_answer_is_asked_ever_more_seldom(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thin=(160, "1.0"))
    scan.pacs.errors["A", "SERIES"] = RetriableError("association refused")
    assert watch_s(scan, 60) <= 5


def test_where_series_level_is_refused_the_study_is_counted_by_itself() -> None:
    """Seen to stand still for as long as between two finds, and pulled whole."""
    world = Pipeline(with_series=())
    world.following()
    at_pacs(world, found=True, thin=(100, "1.0"))
    watch_s(world, 9)
    at_pacs(world, thin=(160, "1.0"))
    watch_s(world, 9)
    assert not world.study().waits_for_pull
    watch_s(world, 12)
    assert world.study().waits_for_pull
    assert world.pull() == 1
    assert world.plugins.asked[-1].level == "STUDY"


def test_radiography_is_not_followed(scan: Pipeline) -> None:
    scan.pacs.studies["A"] = [answer(count=1, ModalitiesInStudy="DX")]
    scan.find("A", DAY)
    assert scan.follow.watched("A") == 0


def test_series_level_pulls_of_the_whole_are_not_taken_for_early_ones() -> None:
    """FIND_PACS_USE_SERIES: a whole pull is one of series, too; filtered out, it is the end."""
    world = Pipeline(switches=Switches(find_pacs_use_series=True, kernel_preferred=("B30f",)))
    world.following()
    world.filtered(pull_ahead(world))
    assert world.pull() == 1
    world.filtered(world.plugins.asked[-1])
    assert world.pull() == 0
    assert world.study().state is State.UNSUPPORTED_SERIES


def test_a_pacs_whose_counts_are_not_to_be_trusted_is_not_followed() -> None:
    world = Pipeline()
    world.following()
    world.traits["A"] = replace(world.traits["A"], count_by_image=True)
    world.pacs.studies["A"] = [answer(count=10)]
    world.find("A", DAY)
    assert world.follow.watched("A") == 0


def short(world: Pipeline, request: PullRequest, now: int) -> None:
    """The PACS was asked again while it was pulled, and has so many images of it now."""
    here = sum(request.expected_series.values())
    assert world.report(request, "short", f"SHORT {here} of {now}", received=here)


def test_a_pull_begins_when_the_series_has_stopped_and_ends_when_the_pacs_was_asked_again(
    scan: Pipeline,
) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(scan, 60, 100, 140, 160)
    watch_s(scan, 1)
    assert scan.pull() == 1
    request = scan.plugins.asked[-1]
    assert request.expected_series == {THIN: 160}
    assert request.count_again_after_s is not None
    assert 0.5 < request.count_again_after_s <= 2.0


def test_a_series_that_had_stood_still_for_long_is_not_counted_again(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(160, "1.0"))
    watch_s(scan, 6)
    assert scan.pull() == 1
    assert scan.plugins.asked[-1].count_again_after_s is None


def test_a_series_that_went_on_is_counted_on_without_an_attempt_and_its_pause_is_learned(
    scan: Pipeline,
) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(scan, 60, 100, 140, 160)
    watch_s(scan, 1)
    assert scan.pull() == 1
    short(scan, scan.plugins.asked[-1], 200)
    study = scan.study()
    assert (study.state, study.attempts, study.waits_for_pull) == (State.META_ONLY, 0, False)
    assert "its series went on while they were pulled: SHORT 160 of 200" in study.history[-1].why
    assert scan.follow.watched("A") == 1, "no find is waited for"
    at_pacs(scan, thick=(60, "5.0"), thin=(240, "1.0"))
    watch_s(scan, 1)
    assert scan.knowledge.of("A").pauses.of("CT1").longest > 0
    watch_s(scan, 9)
    assert scan.pull() == 1
    request = scan.plugins.asked[-1]
    assert request.expected_series == {THIN: 240}
    assert request.repair == "SERIES", "what is here is not pulled twice"
    assert request.count_again_after_s == 0.5, "begun half as long again after its pause, it is proved, too"


def test_a_second_pull_in_a_row_that_began_too_early_is_an_attempt(scan: Pipeline) -> None:
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(20, "1.0"))
    grow_thin(scan, 60, 100, 140, 160)
    watch_s(scan, 1)
    assert scan.pull() == 1
    short(scan, scan.plugins.asked[-1], 200)
    for forgotten in (scan.follow._before, scan.follow._watched):
        forgotten.clear()  # as after a restart: how long it had paused is not known
    at_pacs(scan, found=True, thick=(60, "5.0"), thin=(160, "1.0"))
    grow_thin(scan, 200, 240, 280)
    watch_s(scan, 1)
    assert scan.pull() == 1
    short(scan, scan.plugins.asked[-1], 300)
    study = scan.study()
    assert (study.attempts, study.waits_for_pull) == (1, True)
    assert "again in 0:00:30" in study.history[-1].why
