"""Images that were pushed while nobody could say what the PACS has are not the last word on a study (K1)."""

from __future__ import annotations

import pytest

from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import UID, Pipeline

UNCOUNTED = {"completeness": "UNVERIFIED", "announced": {}}


def push(world: Pipeline, instances: int = 80, **identity: str) -> None:
    message = world.message(None, instances, **UNCOUNTED)
    message["identity"] = {**message["identity"], **identity}
    world.accept(message)


def test_the_first_pacs_that_has_it_is_asked_whatever_its_count(world: Pipeline) -> None:
    push(world, 80)
    assert world.study().baseline == 0
    request = world.until_asked(80)
    assert (request.study_uid, request.forced) == (UID, False)


def test_a_study_that_a_pacs_is_known_to_have_is_pulled_at_once(world: Pipeline) -> None:
    request = world.until_asked(80)
    world.accept(world.message(request, 80))
    world.report(request, "received", "COMPLETE")
    push(world, 2)
    study = world.study()
    assert (study.state, study.waits_for_pull) == (State.META_ONLY, True)
    assert "counted against nothing" in study.why


@pytest.mark.parametrize(
    ("patient", "forced"), [("P1", False), (" P1 ", False), ("X9", True), ("", True), ("p1", True)]
)
def test_what_was_pushed_under_another_patient_is_handed_over_anew(
    world: Pipeline, patient: str, forced: bool
) -> None:
    push(world, 80, PatientID=patient)
    assert world.until_asked(80).forced is forced


def test_a_push_that_was_counted_is_not_pulled_again(world: Pipeline) -> None:
    world.accept(world.message(None, 80, announced={"pacs": "A", "expected": 80}))
    assert (world.study().baseline, world.study().waits_for_pull) == (100, False)
