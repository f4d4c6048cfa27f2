"""Notifications: what they make of a study, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.errors import MessageError
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL
from tests.fakes.pipeline import UID, Pipeline


def test_a_repeated_notification_changes_nothing(world: Pipeline) -> None:
    message = world.message(world.until_asked())
    assert world.accept(message)
    before = world.study()
    assert not world.accept(message)
    assert world.study() == before
    assert not any("calc again" in line for line in world.log.lines)


def test_what_comes_unasked_becomes_a_study(world: Pipeline) -> None:
    assert world.accept(world.message(None, priorities=2))
    study = world.study()
    assert (study.state, study.is_push, study.priority, study.baseline) == (State.PULL_DATA_END, True, 2, 100)
    assert (study.accession_number, study.study_date, study.modality) == ("A1", "2020-06-18", ["CT"])


def test_images_beside_a_running_pull_do_not_end_it(world: Pipeline) -> None:
    request = world.until_asked()
    world.accept(world.message(None))
    assert world.study().state is State.PULL_DATA
    world.report(request, "short", "SHORT 90 of 100")
    assert world.study().waits_for_pull
    assert world.handover_states() == ["owed"]


def test_a_push_of_a_part_does_not_cancel_the_pull_and_one_of_the_whole_does(world: Pipeline) -> None:
    world.until_stable(150)
    world.accept(world.message(None, 80))
    assert world.study().waits_for_pull
    world.accept(world.message(None, 140))
    assert (world.study().state, PULL in world.study().due) == (State.PULL_DATA_END, False)


def test_everything_filtered_settles_it(world: Pipeline) -> None:
    request = world.until_asked()
    world.accept(world.filtered_message(request))
    world.report(request, "filtered")
    study = world.study()
    assert (study.state, study.due) == (State.UNSUPPORTED_SERIES, {})
    assert study.why == "statecode 801 all filtered"


@pytest.mark.parametrize(
    "changed",
    [
        {"studyUID": ""},
        {"handoverID": 7},
        {"numberReceived": "80"},
        {"numberReceived": -1},
        {"numberReceived": 10**23},
        {"priorities": 300},
        {"priorities": -1},
        {"identity": []},
        {"identity": {"StudyDate": 20200618}},
        {"seriesReports": ["x"]},
        {
            "seriesReports": [
                {"seriesUID": "1", "taken": True, "rule": "r", "because": "b", "received": "many"}
            ]
        },
        {"series": ["x"]},
        {"series": [{"seriesUID": "1", "filepath": "/x"}]},
        {"series": 5},
    ],
)
def test_a_notification_that_cannot_be_used_later_is_refused_now(
    world: Pipeline, changed: dict[str, Any]
) -> None:
    with pytest.raises(MessageError):
        world.accept({**world.message(None), **changed})
    assert world.store.get(UID) is None
