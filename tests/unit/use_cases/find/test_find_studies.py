"""
Finds: new, wanted, stable, grown; what stands in the document and in dcm_end.log.

Does not prove that a real PACS answers like this (integration tests do), nor the filter rules
(tests/unit/domain).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.find.stability import FIXED_DELAY, StabilityPolicy
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY


def test_a_first_find_writes_the_contracts_lines_with_the_right_counts(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(), answer(UID + ".9", ModalitiesInStudy="MR"), answer(UID + ".8", 50)]
    assert world.find("A", DAY) == 0
    assert world.log.take() == [
        "find 2020-06-18 study list",
        "orthanc find query is {'StudyDate': '20200618'}",
        "find 2020-06-18 study list from pacs is 3",
        "study not in local db is 3",
        "study from pacs after modality filter left 2",
        "actually add new number: 2",
        "num: stable study 0 finded",
    ]
    assert world.study().state is State.META_ONLY
    assert world.study(UID + ".9").state is None
    assert world.study().study_date == "2020-06-18"


def test_the_second_find_with_the_same_count_makes_it_due(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(count=321)]
    world.find("A", DAY)
    world.log.take()
    world.clock.pass_seconds(10)
    assert world.find("A", DAY) == 1
    assert world.log.take()[3:] == [
        f"patientID P1 accessionNumber A1 studyuid {UID} is stable: instances num: 321",
        "study not in local db is 0",
        "study from pacs after modality filter left 0",
        "actually add new number: 0",
        "num: stable study 1 finded",
    ]
    study = world.study()
    assert study.due[PULL] == world.clock.now()
    assert study.waits_for_pull
    assert world.events() == ["wanted", "stable"]


def test_a_quiet_day_writes_nothing(world: Pipeline) -> None:
    world.until_handed_over()
    before = world.study().revision
    for _ in range(5):
        world.clock.pass_seconds(10)
        assert world.find("A", DAY) == 0
    assert world.study().revision == before


def test_dx_is_due_when_it_is_found(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(count=1, ModalitiesInStudy="DX")]
    assert world.find("A", DAY) == 1
    assert world.study().due[PULL] == world.clock.now()


@pytest.mark.parametrize("told", [None, 0])
def test_a_pacs_without_counts_gets_its_study_pulled_after_the_delay(told: int | None) -> None:
    world = Pipeline(stability=StabilityPolicy(delay=timedelta(minutes=10)))
    world.pacs.studies["A"] = [answer(count=told)]
    finds = 0
    while not world.find("A", DAY):
        world.clock.pass_seconds(10)
        finds += 1
    assert finds == 60
    assert world.pull() == 1
    assert world.plugins.asked[0].expected is None


def test_the_fixed_delay_ends_however_often_it_is_found() -> None:
    world = Pipeline(stability=StabilityPolicy(FIXED_DELAY, timedelta(minutes=10)))
    world.pacs.studies["A"] = [answer()]
    finds = 0
    while not world.find("A", DAY):
        world.clock.pass_seconds(5)
        finds += 1
    assert finds == 120


def test_a_study_that_no_find_sees_again_is_pulled_all_the_same(world: Pipeline) -> None:
    """At midnight the day that is found changes; what was seen once must not wait for ever."""
    world.pacs.studies["A"] = [answer()]
    world.find("A", DAY)
    assert world.pull() == 0
    world.clock.pass_seconds(world.stability.delay.total_seconds() - 1)
    assert world.pull() == 0
    world.clock.pass_seconds(1)
    assert world.pull() == 1
    world.report(world.plugins.asked[-1], "short")
    assert world.study().waits_for_pull, "its retry is awaited, not another count"


def test_each_sighting_puts_the_last_resort_off(world: Pipeline) -> None:
    for count in range(100, 1000, 10):
        world.pacs.studies["A"] = [answer(count=count)]
        world.find("A", DAY)
        world.clock.pass_seconds(30)
        assert world.pull() == 0
    assert world.study().why == "980 instances, then 990"


def test_many_pacs_do_not_push_each_others_sightings_out() -> None:
    names = [f"P{number}" for number in range(9)]
    world = Pipeline(pacs=names)
    for name in names:
        world.pacs.studies[name] = [answer()]
        assert world.find(name, DAY) == 0
    assert world.find("P0", DAY) == 1


def test_growth_after_the_result_starts_it_again(world: Pipeline) -> None:
    world.until_handed_over(count=100)
    assert world.result("completed") == "recorded"
    world.until_stable(120)
    study = world.study()
    assert (study.state, study.attempts) == (State.META_ONLY, 0)
    assert world.pull() == 1
    assert world.plugins.asked[-1].expected == 120


def test_growth_during_a_pull_is_pulled_after_it(world: Pipeline) -> None:
    request = world.until_asked(100)
    world.until_stable(130)
    assert world.study().state is State.PULL_DATA
    world.accept(world.message(request))
    world.report(request, "received", "COMPLETE", received=100)
    world.until_stable(130)
    assert world.pull() == 1
    assert world.plugins.asked[-1].expected == 130


def test_growth_while_a_retry_is_pending_begins_the_attempts_anew_and_keeps_the_time(world: Pipeline) -> None:
    request = world.until_asked(100)
    world.report(request, "short", "SHORT 90 of 100")
    due = world.study().due[PULL]
    world.until_stable(110)
    study = world.study()
    assert (study.attempts, study.due[PULL], study.state) == (0, due, State.META_ONLY)
    assert world.events().count("grew at the PACS") == 1
    world.clock.at = due
    assert world.pull() == 1
    assert world.plugins.asked[-1].expected == 110


def test_a_mirror_that_is_down_and_has_more_does_not_cause_pulls_without_end() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.studies = {"A": [answer(count=100)], "B": [answer(count=90)]}
    world.find("A", DAY)
    world.unreachable.add("A")
    world.until_stable(90, "B")
    assert world.pull() == 1
    request = world.plugins.asked[-1]
    assert (request.pacs, request.expected) == ("B", 90)
    world.accept(world.message(request))
    world.report(request, "received", "COMPLETE", received=90)
    for _ in range(4):
        world.clock.pass_seconds(10)
        assert world.find("B", DAY) == 0
        assert world.pull() == 0
    world.unreachable.clear()
    world.until_stable(100, "A")
    assert world.pull() == 1
    assert (world.plugins.asked[-1].pacs, world.plugins.asked[-1].expected) == ("A", 100)


def test_what_a_poor_pacs_answers_stops_nothing(world: Pipeline) -> None:
    world.pacs.studies["A"] = [
        answer(" " + UID + " "),
        answer(UID),
        answer("", AccessionNumber="A7"),
        answer("", AccessionNumber="A8", ModalitiesInStudy="MR"),
        {"StudyInstanceUID": UID + ".5", "StudyDate": "20200618"},
    ]
    world.find("A", DAY)
    world.find("A", DAY)
    unpullable = world.study("unpullable:A:A7:P1:2020-06-18:080000")
    assert unpullable.state is State.UNPULLABLE
    assert [entry.event for entry in unpullable.history] == ["no usable UID"]
    assert world.store.count({}) == 3
    assert world.study(UID + ".5").state is State.META_ONLY
    assert ("duplicate answers", {"level": "INFO", "pacs": "A", "studyUIDs": [UID]}) in world.log.events


def test_a_study_that_was_pushed_gets_its_names_from_the_find(world: Pipeline) -> None:
    world.accept(world.message(None, identity={"PatientID": "P1"}))
    world.pacs.studies["A"] = [answer()]
    assert world.find("A", DAY) == 0
    study = world.study()
    assert (study.accession_number, study.study_date, study.modality) == ("A1", "2020-06-18", ["CT"])
    assert study.state is State.PULL_DATA_END


def test_a_pushed_study_of_which_the_pacs_has_more_is_pulled(world: Pipeline) -> None:
    world.accept(world.message(None, 80))
    assert world.study().baseline == 100
    world.until_stable(140)
    assert world.pull() == 1
    assert world.plugins.asked[-1].expected == 140


def test_a_modality_that_comes_later_makes_a_study_wanted(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(ModalitiesInStudy="MG")]
    world.find("A", DAY)
    assert world.study().state is None
    world.until_stable(101, ModalitiesInStudy="SR\\CT")
    assert world.study().waits_for_pull


def test_a_pacs_that_does_not_answer_is_said_so_and_nothing_is_written(world: Pipeline) -> None:
    world.pacs.errors["A", "STUDY"] = RetriableError("find at A: ReadTimeout")
    with pytest.raises(RetriableError, match="ReadTimeout"):
        world.find("A", DAY)
    assert world.log.take() == [
        "find 2020-06-18 study list",
        "orthanc find query is {'StudyDate': '20200618'}",
    ]
    assert world.store.count({}) == 0


def test_only_what_can_still_change_is_asked_at_series_level() -> None:
    """
    A study that is completed and whose count has not grown costs no series query, however often it is found.
    """
    world = Pipeline(switches=Switches(find_pacs_use_series=True))
    world.pacs.series["A"] = [series_answer(THIN, 80), series_answer(THICK, 20, SliceThickness="8")]
    world.until_handed_over()
    world.result("completed")
    assert levels(world).count("SERIES") == 1, "one for its pull"
    world.pacs.asked.clear()
    for _ in range(300):
        world.clock.pass_seconds(600)
        world.find("A", DAY)
        assert world.pull() == 0
        assert world.look("A") is None
    assert set(levels(world)) == {"STUDY"}
    world.pacs.series["A"] = [series_answer(THIN, 90), series_answer(THICK, 20, SliceThickness="8")]
    world.until_stable(110)
    assert world.pull() == 1
    assert levels(world).count("SERIES") == 1, "one more for what has grown"


def levels(world: Pipeline) -> list[str]:
    """At which level each query so far was asked."""
    return [level for _, level, _ in world.pacs.asked]


# --- corrections at the PACS ---


def test_corrected_names_are_taken_over_and_stand_in_the_history() -> None:
    world = Pipeline()
    world.until_stable()
    world.pull()
    world.pacs.studies["A"] = [answer(PatientID="P2", AccessionNumber="A2")]
    world.find("A", DAY)
    study = world.study()
    assert (study.patient_id, study.accession_number) == ("P2", "A2")
    corrected = [entry.why for entry in study.history if entry.event == "corrected at the PACS"]
    assert corrected == ["A: accessionNumber A1 -> A2", "A: patientID P1 -> P2"]
    world.find("A", DAY)
    assert world.study() == study
    assert [name for name in names_in(study.to_document()) if "_" in name] == [], (
        "the contract's names are camelCase"
    )


def names_in(document: object) -> list[str]:
    inner = (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    )
    return [
        *(document if isinstance(document, dict) else ()),
        *(name for one in inner for name in names_in(one)),
    ]


def test_two_pacs_that_tell_differently_correct_nothing() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.studies = {"A": [answer()], "B": [answer(AccessionNumber="B1")]}
    for name in ("A", "B", "A", "B"):
        world.find(name, DAY)
    assert (world.study().accession_number, "corrected at the PACS" in world.events()) == ("A1", False)
    world.pacs.studies["B"] = [answer(AccessionNumber="B2")]
    world.find("B", DAY)
    assert (world.study().accession_number, world.events()[-1]) == ("A1", "corrected at the PACS")
