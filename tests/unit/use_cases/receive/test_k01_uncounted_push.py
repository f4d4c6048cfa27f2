"""Images that were pushed while nobody could say what the PACS has are not the last word on a study (K1)."""

from __future__ import annotations

import pytest

from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.study import PUBLISH, RELEASE
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY

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


def found(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer()]
    for _ in range(2):
        world.find("A", DAY)


@pytest.mark.parametrize("patient", ["Ｐ１", "P1\u200b", "\ufeffP1", "P1\u3000"])
def test_a_patient_in_another_spelling_is_no_other_patient(world: Pipeline, patient: str) -> None:
    world.pacs.studies["A"] = [answer()]
    world.find("A", DAY)
    push(world, 80, PatientID=patient)
    assert world.study().handovers[0].message_state is not MessageState.CANCELLED


def test_another_patients_images_than_a_pacs_has_told_of_are_not_computed(world: Pipeline) -> None:
    """pacs_module was away while they came, so that the plugins could ask nobody."""
    found(world)
    push(world, 80, PatientID="STRANGER")
    study = world.study()
    assert [item.message_state for item in study.handovers] == [MessageState.CANCELLED]
    assert (PUBLISH in study.due, RELEASE in study.due, study.waits_for_pull) == (False, True, True)
    assert any("STRANGER" in entry.why and "not computed" in entry.why for entry in study.history)
    request = world.until_asked(80)
    assert request.forced
    world.accept(world.message(request, 80))
    assert [item.message_state for item in world.study().handovers][1:] == [MessageState.OWED]


@pytest.mark.parametrize("patient", ["P1", " P1 ", ""])
def test_what_may_be_the_same_patients_is_computed_and_pulled(world: Pipeline, patient: str) -> None:
    found(world)
    push(world, 80, PatientID=patient)
    assert [item.message_state for item in world.study().handovers] == [MessageState.OWED]


def test_what_no_pacs_has_told_of_is_computed(world: Pipeline) -> None:
    push(world, 80, PatientID="STRANGER")
    push(world, 81, PatientID="ANOTHER")  # the first one's word is none of a PACS
    assert {item.message_state for item in world.study().handovers} == {MessageState.OWED}
