"""
Destinations that get more than the backend computes (``what = "wanted"`` and ``"study"``): the other series are
pulled for them alone, and the backend never hears of it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.study import PULL, ROUTE
from pacs_module.domain.upload.destination import DestinationRule
from pacs_module.use_cases.operate.manual_work import Who
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, series_answer
from tests.fakes.platform import Edge
from tests.support.images.ct_files import ct_file

DOSE = UID + ".9"


def edge_of(folder: Path, **wishes: str) -> Edge:
    """Destinations by what they want; the PACS has a thin, a thick series and a dose report."""
    world = Pipeline(switches=Switches(find_pacs_use_series=True, filter_min_instances=False))
    world.pacs.series["A"] = [
        series_answer(THIN, 3),
        series_answer(THICK, 2, SliceThickness="8"),
        series_answer(DOSE, 1, Modality="SR"),
    ]
    edge = Edge(folder, {name: DestinationRule() for name in wishes}, world=world)
    edge.plans = [
        replace(plan, wants_more=what != "chosen", passed_only=what == "wanted")
        for plan, what in zip(edge.plans, wishes.values(), strict=True)
    ]
    edge.route.plans = edge.plans
    return edge


def asked_for_others(edge: Edge) -> PullRequest:
    """The study is handed over, routed, and its other series are asked for."""
    edge.hand_over()
    edge.route()
    assert edge.world.pull() == 1
    return edge.world.plugins.asked[-1]


def others_came(edge: Edge, request: PullRequest, completeness: str = "COMPLETE") -> str:
    """The plugins hand the other series over; the id of the hand-over."""
    message = edge.world.message(request)
    folder = edge.folder / "store" / str(message["handoverID"])
    series, images = [], 0
    for uid in request.series_uids:
        here = folder / uid
        here.mkdir(parents=True)
        number = request.expected_series[uid]
        for one in range(1, number + 1):
            ct_file(here / f"{one}.dcm", UID, uid, one)
        images += number
        series.append({"seriesUID": uid, "filepath": str(here), "numberReceived": number})
    told: dict[str, Any] = {
        "filepath": str(folder), "series": series, "seriesUID": series[0]["seriesUID"],
        "numberReceived": images, "completeness": completeness, "seriesReports": [],
    }  # fmt: skip
    assert edge.world.accept({**message, **told})
    assert edge.world.report(request, "received", completeness, received=images)
    return str(message["handoverID"])


def test_the_other_series_are_pulled_for_the_destination_alone(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study", archive="chosen")
    request = asked_for_others(edge)
    assert (request.level, set(request.series_uids)) == ("SERIES", {THICK, DOSE})
    assert (request.for_destinations, set(request.skip_filter)) == (("region",), {THICK, DOSE})
    verdicts = edge.world.study().series
    others = others_came(edge, request)
    assert edge.route()
    study = edge.world.study()
    told = [(one.destination, one.handover_id == others) for one in study.uploads]
    assert told == [("region", False), ("archive", False), ("region", True)]
    assert (study.state, study.series) == ("pull_data_end", verdicts)
    for _ in range(2):
        assert edge.send("region")
    assert len(edge.platforms["region"].objects) == 6
    assert edge.world.publish()
    assert not edge.world.publish()
    assert (ROUTE in study.due, PULL in study.due) == (False, False)


def test_the_backends_result_is_the_studys_whenever_it_comes(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    request = asked_for_others(edge)
    assert edge.world.publish()
    edge.world.answers_while_waiting("completed")
    assert edge.world.deliver(1)
    assert edge.world.study().state == "pull_data"
    others_came(edge, request)
    assert edge.world.study().state == "completed"


def test_a_result_that_comes_after_them_is_the_studys(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    others_came(edge, asked_for_others(edge))
    edge.route()
    assert edge.world.publish()
    edge.world.answers_while_waiting("completed")
    assert edge.world.deliver(1)
    assert edge.world.study().state == "completed"
    assert edge.world.handover_states() == ["done", "cancelled"]


def test_wanted_series_are_those_that_pass_the_filter(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="wanted")
    other = UID + ".5"
    edge.world.pacs.series["A"].append(series_answer(other, 4, SliceThickness="2.0"))
    assert asked_for_others(edge).series_uids == (other,)


def test_nothing_is_pulled_where_there_is_nothing_else(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="wanted")
    edge.hand_over()
    edge.route()
    assert edge.world.pull() == 0
    study = edge.world.study()
    assert study.state == "pull_data_end"
    assert study.other_series[0].over.startswith("nothing more at the PACS")


def test_two_destinations_share_one_pull(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study", centre="study")
    request = asked_for_others(edge)
    assert request.for_destinations == ("centre", "region")
    others_came(edge, request)
    edge.route()
    assert len(edge.world.study().uploads) == 4


def test_what_fails_to_the_end_leaves_the_backends_work_as_it_is(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    request = asked_for_others(edge)
    for _ in range(3):
        assert edge.world.report(request, "short", "SHORT 1 of 3", received=1)
        edge.clock.pass_seconds(400)
        if edge.world.pull():
            request = edge.world.plugins.asked[-1]
            assert request.for_destinations == ("region",)
    study = edge.world.study()
    assert study.state == "pull_data_end"
    assert study.other_series[0].failed
    assert "not pulled: short" in study.other_series[0].over


def test_growth_is_pulled_for_the_backend_first_and_then_for_them(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    edge.hand_over()
    edge.route()
    edge.world.until_stable(7)  # grew from three to seven while their pull was due
    assert edge.world.pull() == 1
    request = edge.world.plugins.asked[-1]
    assert request.for_destinations == ()
    assert edge.world.report(request, "nothing_new", "COMPLETE", received=3)
    edge.clock.pass_seconds(60)
    edge.route()
    assert edge.world.pull() == 1
    assert edge.world.plugins.asked[-1].for_destinations == ("region",)


def test_more_at_the_pacs_later_is_fetched_for_them_and_only_that(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    others_came(edge, asked_for_others(edge))
    edge.route()
    late = UID + ".12"
    edge.world.pacs.series["A"].append(series_answer(late, 4, Modality="PR"))
    edge.world.until_stable(10)
    assert edge.world.pull() == 1
    assert edge.world.report(edge.world.plugins.asked[-1], "nothing_new", "COMPLETE", received=3)
    edge.clock.pass_seconds(60)
    edge.route()
    assert edge.world.pull() == 1
    assert edge.world.plugins.asked[-1].series_uids == (late,)


def test_files_that_went_before_they_had_them_are_pulled_again_for_them_alone(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    others = others_came(edge, asked_for_others(edge))
    edge.route()
    for file in (edge.folder / "store" / others).rglob("*.dcm"):
        file.unlink()
    for _ in range(2):
        edge.send("region")
    edge.route()
    assert edge.world.pull() == 1
    request = edge.world.plugins.asked[-1]
    assert (request.for_destinations, set(request.series_uids)) == (("region",), {THICK, DOSE})
    assert len(edge.world.study().handovers) == 2


def test_a_study_that_a_person_has_closed_is_pulled_no_more(tmp_path: Path) -> None:
    edge = edge_of(tmp_path, region="study")
    edge.hand_over()
    edge.world.work.cancel(UID, Who("Li", "wrong patient"))
    edge.route()
    assert edge.world.pull() == 0


def test_the_plugins_are_told_what_was_handed_over_to_the_backend(tmp_path: Path) -> None:
    """Their own journal knows the destination's series as the last; without it the backend computes twice."""
    edge = edge_of(tmp_path, region="study")
    others_came(edge, asked_for_others(edge))
    edge.route()
    edge.world.until_stable(9)
    assert edge.world.pull() == 1
    request = edge.world.plugins.asked[-1]
    assert (request.before_series, request.before_instances) == ((THIN,), 3)


@pytest.mark.parametrize("what", ["study", "wanted"])
def test_they_wait_behind_everything_else(tmp_path: Path, what: str) -> None:
    edge = edge_of(tmp_path, region=what)
    edge.world.pacs.series["A"].append(series_answer(UID + ".5", 4, SliceThickness="2.0"))
    edge.hand_over()
    edge.route()
    assert edge.world.study().rank == -1
    edge.world.pull()
    request = edge.world.plugins.asked[-1]
    others_came(edge, request)
    assert edge.world.study().rank == 0
