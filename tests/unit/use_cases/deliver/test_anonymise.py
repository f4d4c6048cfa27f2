"""
Hand-overs without names: nothing goes out before the copy is made, and the backend's result finds its study.

Does not prove that a copy has no names: tests/unit/adapters/files/test_deidentify.py searches its bytes.
"""

from __future__ import annotations

import json

import pytest

from pacs_module.domain.deliver.anonymised import without_names
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.json_messages.messages import Result, SeriesFolder
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import ANONYMISE, PUBLISH
from tests.fakes.pipeline import H1, THICK, THIN, UID, Pipeline
from tests.fakes.world import FakeCopies, pseudonym

NAMES = (UID, THIN, THICK, "A1", "P1", "GEPACS", "192.168.1.150")


@pytest.fixture
def copies() -> FakeCopies:
    return FakeCopies()


@pytest.fixture
def world(copies: FakeCopies) -> Pipeline:
    return Pipeline(copies=copies)


def test_nothing_is_published_before_the_copy_is_made(world: Pipeline, copies: FakeCopies) -> None:
    world.until_handed_over()
    assert set(world.study().due) >= {ANONYMISE}
    assert PUBLISH not in world.study().due
    assert not world.publish()
    assert world.anonymise()
    assert copies.made == [H1]
    assert world.plugins.released == [H1]  # the copy is what is needed from now on
    assert not world.anonymise()
    assert world.publish()
    assert world.queue.depth() == 1


def test_what_the_backend_gets_names_nobody(world: Pipeline) -> None:
    world.until_handed_over()
    world.anonymise()
    message = world.published()
    text = json.dumps({**message, "statecode": 0, "numberReceived": 0})
    assert [name for name in NAMES if f'"{name}"' in text] == []
    assert (message["studyUID"], message["seriesUID"]) == (pseudonym(UID), pseudonym(THIN))
    assert (message["filepath"], message["numberReceived"], message["handoverID"]) == (
        f"/copies/{H1}",
        80,
        H1,
    )
    assert message["seriesReports"] == []
    assert world.message(None).keys() == message.keys()  # the contract's keys are all there


def test_a_key_that_somebody_adds_later_stays_behind() -> None:
    series = [SeriesFolder("2.25.2", "/copies/h", 3)]
    message = without_names(
        {"numberReceived": 3, "statecode": 800, "patientName": "ZWORYKIN"}, "2.25.1", "/copies/h", series
    )
    assert "patientName" not in message


@pytest.mark.parametrize("with_handover", [True, False])
def test_the_result_of_a_pseudonym_finds_its_study(world: Pipeline, with_handover: bool) -> None:
    world.until_handed_over()
    world.anonymise()
    world.published()
    result = Result(pseudonym(UID), pseudonym(THIN), "completed", "", H1 if with_handover else "")

    def meanwhile() -> None:
        world.consumer.meanwhile = lambda: None
        assert world.record(result) == "recorded"

    world.consumer.meanwhile = meanwhile
    assert world.deliver(0.1)
    assert world.study().state is State.COMPLETED
    assert world.study().handovers[0].message_state == "done"
    assert world.record(result) == "known already"
    assert world.record(Result("2.25.404", "2.25.405", "completed")) is None


def test_the_copy_goes_with_the_retention(world: Pipeline, copies: FakeCopies) -> None:
    world.until_handed_over()
    world.anonymise()
    world.published()
    assert world.record(Result(pseudonym(UID), "", "completed", "", H1)) == "recorded"
    assert not world.release()
    assert copies.removed == []
    world.clock.pass_seconds(700)
    assert world.release()
    assert copies.removed == [H1]


def test_a_crash_after_the_copy_repeats_it_and_owes_one_message(world: Pipeline, copies: FakeCopies) -> None:
    world.until_handed_over()
    world.plugins.deaf = RetriableError("Orthanc is away")
    world.anonymise()  # the release is not heard: it comes with the retention
    assert world.study().handovers[0].message_state == "owed"
    assert world.study().handovers[0].message_id == f"{H1}:1"
    world.plugins.deaf = None
    assert not world.anonymise()


def test_a_full_disk_is_waited_for_and_said(world: Pipeline, copies: FakeCopies) -> None:
    world.until_handed_over()
    copies.error = RetriableError("copy without names: No space left on device")
    assert world.anonymise()
    assert world.study().why == "copy without names: No space left on device"
    assert not world.anonymise()
    assert not world.publish()
    copies.error = None
    world.clock.pass_seconds(31)
    assert world.anonymise()
    assert world.publish()


def test_images_that_cannot_be_read_stay_behind_and_are_counted(world: Pipeline, copies: FakeCopies) -> None:
    copies.failed = ("00007.dcm: InvalidDicomError: no DICOM",)
    world.until_handed_over()
    world.anonymise()
    message = world.published()
    assert (message["numberReceived"], message["completeness"]) == (79, "SHORT 79 of 80")
    assert world.study().handovers[0].number_received == 79


def test_when_no_image_can_be_read_it_is_given_up_in_words(world: Pipeline, copies: FakeCopies) -> None:
    copies.failed = tuple(f"{number:05d}.dcm: InvalidDicomError" for number in range(1, 81))
    world.until_handed_over()
    world.anonymise()
    assert world.study().state is State.DEAD_LETTER
    assert world.study().why == "no image could be anonymised: 00001.dcm: InvalidDicomError"
    assert not world.publish()


def test_files_that_are_gone_are_pulled_again(world: Pipeline, copies: FakeCopies) -> None:
    world.until_handed_over()
    world.files.counts[f"/copies/{H1}"] = 40
    world.anonymise()
    world.published()
    assert world.deliver(0.1)
    study = world.study()
    assert (study.state, study.handovers[0].message_state) == (State.META_ONLY, "lost")


def test_switched_off_meanwhile_it_goes_out_as_it_is(world: Pipeline) -> None:
    world.until_handed_over()
    world.anonymise.copies = None
    assert world.anonymise()
    assert world.published()["studyUID"] == UID


def test_leftovers_of_a_process_that_died_are_removed(world: Pipeline, copies: FakeCopies) -> None:
    world.until_handed_over()
    world.anonymise()
    copies.made.append("unknown")
    world.anonymise.sweep()
    assert world.log.events[-1] == (
        "copies without names that nobody needs removed",
        {"level": "INFO", "folders": ["unknown"]},
    )
