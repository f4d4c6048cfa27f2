"""
Pulls by hand: in any state, of a study or of a series, also while another pull runs.

Does not prove that Orthanc moves anything; the plugins are a list of what they were asked.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pacs_module.domain.errors import MessageError, PermanentError, Refused, RetriableError, Unreachable
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import MANUAL
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, answer, at_series_level, series_answer
from tests.fakes.world import DAY


def test_a_manual_pull_goes_to_the_front_and_says_so(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(StudyDate="20120428")]
    found = world.manual({"AccessionNumber": " A1 ", "PatientID": ""}, "manual: a doctor")
    (study,) = found["studies"]
    assert (study["studyUID"], study["studyDate"], study["pacs"]) == (UID, "2012-04-28", ["A"])
    assert (study["state"], study["settled"], study["next"]["what"]) == (
        "meta_only",
        False,
        "pull number 1, priority 4",
    )
    assert (found["unpullable"], found["errors"]) == ([], {})
    assert world.log.take() == [
        "manual_find_move {'AccessionNumber': 'A1'}",
        "orthanc find query is {'AccessionNumber': 'A1', 'StudyDate': ''}",
        f"pull data manually. study_uid={UID}, study_date=2012-04-28",
    ]
    assert world.pull() == 1
    request = world.plugins.asked[-1]
    assert (request.priority, request.forced, request.level) == (MANUAL, True, "STUDY")
    assert [(entry.event, entry.by) for entry in world.study().history][1] == (
        "asked for by a person",
        "manual: a doctor",
    )


def test_a_manual_pull_of_nothing_or_at_a_pacs_that_is_down_says_so() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.errors["B", "STUDY"] = Unreachable("Orthanc does not answer")
    assert world.manual({"PatientID": "P9"}, "x") == {
        "studies": [],
        "unpullable": [],
        "notMatching": {},
        "errors": {"B": "Orthanc does not answer"},
    }
    assert world.log.take()[-1] == "orthanc move failed!"
    for asked in (
        {},
        {"AccessionNumber": " "},
        {"AccessionNumber": "A*"},
        {"PatientID": "?"},
        {"PatientID": "a\\b"},
    ):
        with pytest.raises(MessageError):
            world.manual(asked, "x")


@pytest.mark.parametrize(
    "before",
    [
        "not wanted",
        "meta_only",
        "retry",
        "no room",
        "pull_data_end",
        "completed",
        "unsupported",
        "pull_failed",
        "dead_letter",
    ],
)
def test_a_person_can_ask_in_any_state(world: Pipeline, before: str) -> None:
    if before == "not wanted":
        world.until_stable(ModalitiesInStudy="MR")
    elif before == "meta_only":
        world.find("A", DAY)
    elif before == "no room":
        world.until_stable()
        world.plugins.refuse = world.plugins.no_room
        world.pull()
        world.plugins.refuse = lambda request: None
    elif before == "retry":
        world.report(world.until_asked(), "short")
    elif before == "unsupported":
        world.accept(world.filtered_message(world.until_asked()))
        world.report(world.plugins.asked[-1], "filtered")
    elif before == "pull_failed":
        world.report(world.until_asked(), "failed")
        for _ in range(2):
            world.clock.pass_seconds(300)
            world.pull()
            world.report(world.plugins.asked[-1], "failed")
        assert world.study().state is State.PULL_FAILED
    else:
        world.until_handed_over()
        if before == "completed":
            world.result("completed")
        if before == "dead_letter":
            world.backend.error = Refused("the backend", 422, "no")
            world.publish()
            world.deliver(0)
            assert world.study().state is State.DEAD_LETTER
    world.pacs.studies["A"] = [answer()]
    world.manual({"StudyInstanceUID": UID}, "manual: a doctor")
    asked = len(world.plugins.asked)
    assert world.pull() == 1
    assert world.plugins.asked[asked].forced
    assert world.study().attempts == 1


@pytest.mark.parametrize("outcome", ["received", "filtered", "nothing_new", "short", "failed"])
@pytest.mark.parametrize("report_first", [True, False])
def test_a_series_that_a_person_names_while_a_pull_runs_is_pulled_after_it(
    world: Pipeline, outcome: str, report_first: bool
) -> None:
    request = world.until_asked()
    world.manual({"StudyInstanceUID": UID, "SeriesInstanceUID": THICK}, "manual: a doctor")
    assert world.pull() == 0
    message = {"received": world.message, "filtered": world.filtered_message}.get(outcome)
    steps: list[Callable[[], object]] = [lambda: world.report(request, outcome)]
    if message:
        steps.append(lambda: world.accept(message(request)))
    for step in steps if report_first else reversed(steps):
        step()
    assert world.study().state is State.META_ONLY
    assert world.pull() == 1
    again = world.plugins.asked[-1]
    assert (again.level, again.series_uids, again.skip_filter, again.forced) == (
        "SERIES",
        (THICK,),
        (THICK,),
        True,
    )
    world.accept(world.message(again, 20, seriesUID=THICK))
    world.report(again, "received")
    assert world.study().state is State.PULL_DATA_END
    assert world.pull() == 0


def test_a_study_asked_for_while_its_pull_runs_is_not_pulled_twice_when_it_is_handed_over(
    world: Pipeline,
) -> None:
    request = world.until_asked()
    world.manual({"StudyInstanceUID": UID}, "manual: a doctor")
    world.accept(world.message(request))
    world.report(request, "received")
    assert world.pull() == 0
    assert world.study().state is State.PULL_DATA_END


def test_after_a_named_series_growth_is_pulled_whole_again() -> None:
    world = at_series_level()
    world.until_stable()
    world.manual({"StudyInstanceUID": UID, "SeriesInstanceUID": THICK}, "manual: a doctor")
    world.pull()
    world.accept(world.message(world.plugins.asked[-1], 20, seriesUID=THICK))
    world.report(world.plugins.asked[-1], "received")
    world.pacs.series["A"].append(series_answer(UID + ".5", 300, SliceThickness="0.6"))
    world.pacs.series["A"].append(series_answer(UID + ".6", 3))
    world.until_stable(403)
    assert world.pull() == 1
    request = world.plugins.asked[-1]
    assert request.series_uids == (THIN, THICK, UID + ".5")
    assert list(request.filtered) == [UID + ".6"]
    assert not request.forced


def test_a_series_alone_is_found_by_our_documents_or_by_the_pacs(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer()]
    world.pacs.series["A"] = [series_answer(THICK, 20, study=f" {UID} ")]
    assert world.manual({"SeriesInstanceUID": THICK}, "x")["studies"][0]["studyUID"] == UID
    world.pull()
    world.accept(world.message(world.plugins.asked[-1]))
    world.pacs.errors["A", "SERIES"] = PermanentError("needs the StudyInstanceUID too")
    assert world.manual({"SeriesInstanceUID": THIN}, "x")["studies"][0]["studyUID"] == UID


# --- the number on the card (operator contract, section 2) ---


def test_an_accession_number_that_nobody_knows_is_asked_for_as_a_patient_id() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.studies["B"] = [answer(AccessionNumber="OTHER", PatientID="10136791")]
    told = world.manual({"AccessionNumber": "10136791"}, "manual: a person")
    assert [study["studyUID"] for study in told["studies"]] == [UID]
    asked = [line for line in world.log.lines if line.startswith("orthanc find query")]
    assert asked == [
        *2 * ["orthanc find query is {'AccessionNumber': '10136791', 'StudyDate': ''}"],
        *2 * ["orthanc find query is {'PatientID': '10136791', 'StudyDate': ''}"],
    ]
    assert world.study().priority == MANUAL


@pytest.mark.parametrize(
    ("asked", "held", "queries"),
    [
        ({"AccessionNumber": "A1"}, [answer()], 1),  # known
        ({"AccessionNumber": "X", "PatientID": "P1"}, [answer()], 1),  # the person named both
        ({"PatientID": "X"}, [answer(AccessionNumber="X")], 1),  # not the other way round
        ({"AccessionNumber": "X"}, [answer()], 2),  # neither
    ],
)
def test_when_it_is_asked_for_once_more(
    asked: dict[str, str], held: list[dict[str, str]], queries: int
) -> None:
    world = Pipeline()
    world.pacs.studies["A"] = held
    world.manual(asked, "manual: a person")
    assert len([line for line in world.log.lines if line.startswith("orthanc find query")]) == queries


def test_a_pacs_that_did_not_answer_is_not_asked_once_more() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.errors["A", "STUDY"] = RetriableError("A is down")
    told = world.manual({"AccessionNumber": "X"}, "manual: a person")
    assert told["errors"] == {"A": "A is down"}
    assert [pacs for pacs, _, _ in world.pacs.asked] == ["A", "B", "B"]


def test_a_study_without_a_uid_under_the_number_is_an_answer() -> None:
    world = Pipeline()
    world.pacs.studies["A"] = [
        answer("", AccessionNumber="A7"),
        answer("1.2.9", AccessionNumber="", PatientID="A7"),
    ]
    told = world.manual({"AccessionNumber": "A7"}, "manual: a person")
    assert (len(told["studies"]), len(told["unpullable"])) == (0, 1)
