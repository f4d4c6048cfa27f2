"""
What a pull asks for: the wanted series, the counts that are expected, and how a short study is mended.

Does not prove that Orthanc moves anything; the plugins are a list of what they were asked.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import PermanentError, RetriableError
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, answer, at_series_level, series_answer
from tests.fakes.world import DAY


def test_only_wanted_series_are_pulled_and_the_reasons_go_to_the_plugins_log() -> None:
    world = at_series_level()
    request = world.until_asked()
    assert (request.level, request.series_uids, request.expected_series) == ("SERIES", (THIN,), {THIN: 80})
    assert {uid: one.because for uid, one in request.filtered.items()} == {THICK: "SliceThickness 8"}
    assert world.plugins.verdicts == [f"A1 P1 {UID} {THICK} filter because SliceThickness 8"]
    world.report(request, "short")
    world.clock.pass_seconds(30)
    world.pull()
    assert len(world.plugins.verdicts) == 1, "told once"


def test_reasons_are_not_lost_while_the_plugins_are_away() -> None:
    world = at_series_level()
    world.pacs.series["A"] = [series_answer(THICK, 100, SliceThickness="8")]
    world.plugins.deaf = RetriableError("Orthanc does not answer")
    world.until_stable()
    assert (world.pull(), world.study().state) == (0, State.META_ONLY)
    world.plugins.deaf = None
    world.clock.pass_seconds(15)
    assert (world.pull(), world.study().state) == (0, State.UNSUPPORTED_SERIES)
    told = [line.removeprefix(f"A1 P1 {UID} ") for line in world.plugins.verdicts]
    assert told == [f"{THICK} filter because SliceThickness 8", "study is filtered out"]


def test_field_case_16_of_radiography_all_is_pulled_or_nothing() -> None:
    world = at_series_level()
    frontal, lateral = (
        series_answer(THIN, 1, Modality="DX"),
        series_answer(THICK, 1, Modality="DX", BodyPartExamined="SPINE"),
    )
    world.pacs.series["A"] = [frontal, lateral]
    request = world.until_asked(2, ModalitiesInStudy="DX")
    assert (request.level, request.dx, request.expected_series) == ("STUDY", True, {THIN: 1, THICK: 1})
    assert (request.filtered, world.plugins.verdicts) == ({}, []), "the images are judged"
    hands = at_series_level()
    hands.pacs.series["A"] = [series_answer(THIN, 1, Modality="DX", BodyPartExamined="HAND")]
    hands.until_stable(1, ModalitiesInStudy="DX")
    assert (hands.pull(), hands.study().state) == (0, State.UNSUPPORTED_SERIES)


def test_a_study_of_which_every_series_is_filtered_is_settled_at_find() -> None:
    world = at_series_level()
    world.pacs.series["A"] = [series_answer(THICK, 100, SliceThickness="8")]
    world.until_stable()
    assert world.pull() == 0
    study = world.study()
    assert (study.state, study.due) == (State.UNSUPPORTED_SERIES, {})
    assert world.plugins.verdicts[-1] == f"A1 P1 {UID} study is filtered out"
    assert world.plugins.asked == []
    assert world.find("A", DAY) == 0
    world.pacs.series["A"] = [*world.pacs.series["A"], series_answer(THIN, 200)]
    world.until_stable(300)
    assert world.pull() == 1


def test_a_pacs_that_does_not_answer_for_series_is_asked_again_and_the_study_says_why() -> None:
    world = at_series_level()
    world.pacs.errors["A", "SERIES"] = RetriableError("find at A: ReadTimeout")
    world.until_stable()
    assert world.pull() == 0
    study = world.study()
    assert (study.why, study.due) == ("put off: find at A: ReadTimeout", {PULL: world.clock.now() + 15_000})
    assert study.attempts == 0


def test_without_counts_of_series_the_count_of_the_study_is_expected(world: Pipeline) -> None:
    world.pacs.series["A"] = [series_answer(THIN, 80), series_answer(THICK, None)]
    request = world.until_asked()
    assert (request.expected, request.expected_series) == (100, {THIN: 80})
    refused = Pipeline()
    refused.pacs.errors["A", "SERIES"] = PermanentError("SERIES level refused")
    assert (refused.until_asked().expected, refused.plugins.asked[-1].expected_series) == (100, {})


def test_what_the_pacs_says_of_each_series_goes_with_the_pull(world: Pipeline) -> None:
    world.pacs.series["A"] = [
        series_answer(THIN, 80, ConvolutionKernel="B70f", SeriesTime=""),
        series_answer(THICK, 20),
    ]
    request = world.until_asked()
    told = {
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        "SliceThickness": "1.0",
    }
    assert request.announced == {THIN: {**told, "ConvolutionKernel": "B70f"}, THICK: told}


def image_answer(series: str, number: int) -> dict[str, str]:
    return {"StudyInstanceUID": UID, "SeriesInstanceUID": series, "SOPInstanceUID": f" {series}.{number} "}


def test_where_counts_are_not_to_be_trusted_every_image_of_what_may_be_handed_over_is_asked_for(
    world: Pipeline,
) -> None:
    world.traits["A"] = PacsTraits(count_by_image=True)
    world.pacs.series["A"] = [series_answer(THIN, 999), series_answer(THICK, 20, SliceThickness="8")]
    world.pacs.images["A"] = [
        image_answer(THIN, 1),
        image_answer(THIN, 2),
        image_answer(THIN, 2),
        image_answer(THICK, 1),
    ]
    request = world.until_asked()
    assert request.expected_instances == {THIN: (f"{THIN}.1", f"{THIN}.2")}
    assert (request.expected, request.expected_series) == (None, {})


def test_where_image_level_says_nothing_there_is_nothing_to_count_against(world: Pipeline) -> None:
    world.traits["A"] = PacsTraits(count_by_image=True)
    world.pacs.series["A"] = [series_answer(THIN, 999)]
    request = world.until_asked()
    assert (request.expected, request.expected_series, request.expected_instances) == (None, {}, {})


def test_a_short_study_is_mended_by_what_the_pacs_can_move_and_whole_where_that_did_not_help() -> None:
    world = Pipeline()
    world.traits["A"] = PacsTraits(repair="IMAGE")
    request = world.until_asked()
    asked = [request.repair]
    for received, outcome in ((90, "short"), (95, "short"), (95, "short")):
        world.report(request, outcome, f"SHORT {received} of 100", received=received)
        if world.study().due:
            world.clock.pass_seconds(600)
            world.pull()
            request = world.plugins.asked[-1]
            asked.append(request.repair)
    assert asked == ["STUDY", "IMAGE", "IMAGE"]


def test_a_mending_that_brought_nothing_or_failed_is_not_tried_again() -> None:
    for outcome, received in (("short", 90), ("failed", 0)):
        world = Pipeline()
        world.traits["A"] = PacsTraits(repair="SERIES")
        world.report(world.until_asked(), "short", "SHORT 90 of 100", received=90)
        world.clock.pass_seconds(600)
        world.pull()
        assert world.plugins.asked[-1].repair == "SERIES"
        world.report(world.plugins.asked[-1], outcome, received=received)
        world.clock.pass_seconds(600)
        world.pull()
        assert world.plugins.asked[-1].repair == "STUDY"


def test_the_plugins_are_told_what_this_pacs_says_and_what_was_handed_over(world: Pipeline) -> None:
    world.traits["A"] = PacsTraits(senders=("NODE2@10.0.0.7",), find_deadline_s=90.0)
    request = world.until_asked()
    told = (request.patient_id, request.senders, request.find_timeout_s, request.known_handover)
    assert told == ("P1", ("NODE2@10.0.0.7",), 90.0, "")
    message = world.message(request)
    world.accept(message)
    world.report(request, "received", "COMPLETE", received=100)
    world.pacs.studies["A"] = [answer(count=130, PatientID="NEW1")]
    for _ in range(2):
        world.clock.pass_seconds(10)
        world.find("A", DAY)
    assert world.pull() == 1
    again = world.plugins.asked[-1]
    assert (again.patient_id, again.known_handover) == ("NEW1", message["handoverID"])


ENHANCED, PLAIN = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2"


def image_answers(number: int, **told: str) -> list[dict[str, str]]:
    by = {"StudyInstanceUID": UID, "SeriesInstanceUID": THICK}
    return [{**by, "SOPInstanceUID": f"{THICK}.{index}", **told} for index in range(number)]


@pytest.mark.parametrize(
    ("images", "taken"),
    [
        (image_answers(8, SOPClassUID=ENHANCED, NumberOfFrames="168"), True),
        (image_answers(8, NumberOfFrames=" 168 "), True),
        (image_answers(8, SOPClassUID=ENHANCED), True),
        (image_answers(8), True),
        ([], True),
        (image_answers(7, SOPClassUID=PLAIN), True),
        (image_answers(7, SOPClassUID=PLAIN) + image_answers(1, SOPClassUID=ENHANCED), True),
        (image_answers(8, SOPClassUID=PLAIN), False),
        (image_answers(8, SOPClassUID=PLAIN) * 3, False),
        (image_answers(2, SOPClassUID=ENHANCED, NumberOfFrames="3") * 4, True),
        (image_answers(8, SOPClassUID=ENHANCED, NumberOfFrames="0"), True),
        (image_answers(8, SOPClassUID=f" {PLAIN}\0"), False),
        (image_answers(8, SOPClassUID="", NumberOfFrames="many"), True),
        (image_answers(8, SOPClassUID=PLAIN, NumberOfFrames="1"), False),
        (image_answers(8, NumberOfFrames="1"), False),
        (image_answers(8, SOPClassUID=ENHANCED, NumberOfFrames="1"), False),
        (RetriableError("no IMAGE level"), True),
        (PermanentError("IMAGE level refused"), True),
    ],
)
def test_k03_a_few_objects_are_dropped_before_the_pull_only_where_they_are_told_to_be_single_slices(
    images: list[dict[str, str]] | RetriableError | PermanentError, taken: bool
) -> None:
    world = at_series_level()
    world.pacs.series["A"] = [
        series_answer(THIN, 80),
        series_answer(THICK, 8, ImageType="", SliceThickness=""),
    ]
    if isinstance(images, list):
        world.pacs.images["A"] = images
    else:
        world.pacs.errors["A", "IMAGE"] = images
    request = world.until_asked()
    assert (THICK in request.filtered) is not taken
    if not taken:
        assert request.filtered[THICK].because == "instance nums 8 < 10"


def test_k03_what_a_pacs_tells_of_the_image_type_needs_no_question_for_its_images() -> None:
    world = at_series_level()
    world.pacs.series["A"] = [series_answer(THIN, 80), series_answer(THICK, 8)]
    assert world.until_asked().filtered[THICK].because == "instance nums 8 < 10"
    assert "IMAGE" not in [level for _, level, _ in world.pacs.asked]
