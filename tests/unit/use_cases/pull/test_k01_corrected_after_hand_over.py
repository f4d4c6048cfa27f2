"""A PatientID that the PACS corrects after the hand-over: the next pull is handed over under the right one (K1)."""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.study.history import Note
from tests.fakes.pipeline import Pipeline, answer
from tests.fakes.world import DAY


def handed_over(world: Pipeline, **changed: Any) -> None:
    request = world.until_asked(80)
    world.accept(world.message(request, 80, **changed))
    world.report(request, "received", "COMPLETE", received=80)


def found_as(world: Pipeline, patient: str) -> None:
    world.pacs.studies["A"] = [answer(count=80, PatientID=patient)]
    world.clock.pass_seconds(10)
    world.find("A", DAY)


@pytest.mark.parametrize(
    ("told", "forced"),
    [(["P2"], True), (["P2", "P3"], True), ([], False), (["P1 "], False), (["Ｐ１"], False), ([""], False)],
)
def test_it_is_handed_over_again(world: Pipeline, told: list[str], forced: bool) -> None:
    handed_over(world)
    for patient in told:
        found_as(world, patient)
    assert world.until_asked(120, PatientID=told[-1] if told else "P1").forced is forced


def test_images_that_always_had_another_one_than_the_find_are_not_handed_over_at_each_pull(
    world: Pipeline,
) -> None:
    handed_over(world, identity={"PatientID": "P1^^^HOSPITAL"})
    assert not world.until_asked(120).forced


def test_a_copy_without_names_says_nothing(world: Pipeline) -> None:
    handed_over(world, identity={})
    found_as(world, "P2")
    assert not world.until_asked(120, PatientID="P2").forced


@pytest.mark.parametrize("patient", ["Ｐ１", "P1\u200b", "\ufeffP1", " P1 "])
def test_a_push_under_the_same_patient_in_another_spelling_is_not_computed_twice(
    world: Pipeline, patient: str
) -> None:
    message = world.message(None, 80, completeness="UNVERIFIED", announced={})
    message["identity"] = {**message["identity"], "PatientID": patient}
    world.accept(message)
    assert not world.until_asked(80).forced


@pytest.mark.parametrize(
    ("told", "is_told"), [("P2", True), ("Ｐ１", False), ("P1 ", False), ("P1^^^HOSPITAL", True)]
)
def test_the_history_tells_that_the_ai_has_it_under_the_earlier_one(
    world: Pipeline, told: str, is_told: bool
) -> None:
    handed_over(world)
    found_as(world, told)
    lines = [one.why for one in world.study().history if one.tells(Note.CORRECTED)]
    words = f"patientID P1 -> {told}; handed over under P1, until its next pull"
    assert any(line.endswith(words) for line in lines) is is_told


def test_a_correction_before_the_hand_over_says_nothing_of_one(world: Pipeline) -> None:
    found_as(world, "P1")
    found_as(world, "P2")
    assert not any("handed over under" in one.why for one in world.study().history)
