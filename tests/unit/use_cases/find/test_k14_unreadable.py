"""A find goes on past a study whose document cannot be read."""

from __future__ import annotations

import json

import pytest

from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_other_studies_of_an_answer_are_taken_in(place: int) -> None:
    world = Pipeline()
    uids = [f"{UID}.{number}" for number in range(3)]
    bad = {
        "studyUID": uids[place],
        "studyDate": DAY.isoformat(),
        "state": "of a newer version",
        "pacs": {"A": {}},
    }
    world.store._texts[uids[place]] = json.dumps(bad)  # type: ignore[attr-defined]
    world.pacs.studies["A"] = [answer(uid) for uid in uids]
    for _ in range(2):
        world.find("A", DAY)
    good = [uid for uid in uids if uid != uids[place]]
    assert [world.study(uid).waits_for_pull for uid in good] == [True, True]
    world.pacs.studies["A"] = []
    world.find("A", DAY)
    assert [world.study(uid).pacs["A"].missed for uid in good] == [1, 1]
    assert list(world.store.unreadable()) == [uids[place]]
