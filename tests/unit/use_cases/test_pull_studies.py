"""
Pulls: asked, watched, repeated, given back; by hand; and what their reports do to the document.

Does not prove that Orthanc moves anything; the plugins are a list of what they were asked.
"""

from __future__ import annotations

import pytest
from fakes.pipeline import THICK, THIN, UID, Pipeline, answer, series_answer
from fakes.world import DAY

from pacs_module.domain.errors import MessageError, PermanentError, Refused, RetriableError, TooLarge, Unreachable
from pacs_module.domain.lifecycle import State
from pacs_module.domain.messages import PullReport
from pacs_module.domain.study import MANUAL, PULL, WATCH
from pacs_module.domain.switches import Switches


@pytest.fixture
def world() -> Pipeline:
    return Pipeline()


def test_a_round_says_what_it_pulls_in_the_contracts_words(world: Pipeline) -> None:
    world.until_stable()
    world.log.take()
    assert world.pull() == 1
    assert world.log.take() == ["move data in ['2020-06-18']", "send move study. amount is 1"]
    study = world.study()
    assert study.state is State.PULL_DATA
    assert study.due == {WATCH: world.clock.now() + 15_000}
    request = world.plugins.asked[0]
    assert (request.pacs, request.level, request.expected, request.final, request.forced) == ("A", "STUDY", 100, False, False)
    assert world.pull() == 0
    assert world.log.take() == []


def test_priority_first_then_the_oldest() -> None:
    world = Pipeline(limit=1)
    world.pacs.studies["A"] = [
        answer(UID + ".3", StudyTime="100000"),
        answer(UID + ".1", StudyTime="090000"),
        answer(UID + ".2", StudyTime="110000", AccessionNumber="A2"),
    ]
    world.find("A", DAY)
    world.find("A", DAY)
    world.manual({"AccessionNumber": "A2"}, "manual: a doctor")
    for _ in range(3):
        assert world.pull() == 1
        assert world.pull() == 0
        last = world.plugins.asked[-1]
        world.report(last, "nothing_new", uid=last.study_uid)
    assert [request.study_uid[-1] for request in world.plugins.asked] == ["2", "1", "3"]


def test_the_limit_holds_for_each_pacs_also_for_mirrored_studies() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    both = [answer(f"{UID}.{number}") for number in range(4)]
    world.pacs.studies = {"A": both, "B": both}
    for name in ("A", "B", "A", "B"):
        world.find(name, DAY)
    assert world.pull() == 2
    assert sorted(request.pacs for request in world.plugins.asked) == ["A", "B"]


def test_the_limit_holds_when_every_study_is_fuller_at_one_pacs() -> None:
    world = Pipeline(pacs=("A", "B"), limit=1)
    world.pacs.studies = {
        name: [answer(f"{UID}.{number}", count) for number in range(4)] for name, count in (("A", 90), ("B", 100))
    }
    for name in ("A", "B", "A", "B"):
        world.find(name, DAY)
    assert world.pull() == 2
    assert sorted(request.pacs for request in world.plugins.asked) == ["A", "B"]


def test_short_and_failed_pulls_are_repeated_with_growing_pauses_up_to_the_limit(world: Pipeline) -> None:
    request = world.until_asked()
    world.log.take()
    world.report(request, "short", "SHORT 90 of 100")
    assert world.log.take() == [f"move success: [['{UID}', 'A']]"]
    assert world.study().due == {PULL: world.clock.now() + 30_000}
    assert world.study().state is State.META_ONLY
    world.clock.pass_seconds(30)
    world.pull()
    assert world.log.take() == ["move data in ['2020-06-18']", "continue to pull study, amount=1"]
    world.report(world.plugins.asked[-1], "failed", message="0xA702")
    assert world.log.take() == ["orthanc move failed!", "move success: []"]
    assert world.study().due == {PULL: world.clock.now() + 60_000}
    world.clock.pass_seconds(60)
    world.pull()
    assert [request.final for request in world.plugins.asked] == [False, False, True]
    world.report(world.plugins.asked[-1], "failed", message="0xA702")
    study = world.study()
    assert (study.state, study.due) == (State.PULL_FAILED, {})
    assert study.why == "failed: 0xA702; attempt 3 was the last"
    assert [pull.outcome for pull in [*study.pulls, study.pull] if pull] == ["short", "failed", "failed"]


def test_a_report_that_comes_twice_or_for_an_older_pull_changes_nothing(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "short", "SHORT 90 of 100")
    before = world.study()
    world.log.take()
    assert world.report(request, "short", "SHORT 90 of 100")
    assert world.study() == before
    world.clock.pass_seconds(30)
    world.pull()
    asked = world.study()
    assert world.report(request, "failed")
    assert world.study() == asked
    assert world.log.take()[2:] == []
    assert not world.report(request, "failed", uid="1.2.3")


def test_after_a_failure_another_mirror_is_asked() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.studies["B"] = [answer(count=90)]
    world.find("B", DAY)
    world.until_stable(100)
    world.pull()
    world.report(world.plugins.asked[-1], "failed")
    world.clock.pass_seconds(30)
    world.pull()
    assert [request.pacs for request in world.plugins.asked] == ["A", "B"]
    world.accept(world.message(world.plugins.asked[-1]))
    world.report(world.plugins.asked[-1], "received", received=90)
    for _ in range(3):
        assert world.find("A", DAY) == 0, "A was asked for its 100 and could not deliver"


def test_no_attempt_is_wasted_on_a_pacs_that_is_down_but_a_person_may_try(world: Pipeline) -> None:
    world.until_stable()
    world.unreachable.add("A")
    assert world.pull() == 0
    assert world.study().attempts == 0
    world.manual({"AccessionNumber": "A1"}, "manual: a doctor")
    assert world.pull() == 1
    assert world.plugins.asked[-1].priority == MANUAL


def test_without_room_it_is_asked_again_after_a_pause_and_leaves_one_line_in_the_history(world: Pipeline) -> None:
    world.plugins.refuse = world.plugins.no_room
    world.until_stable()
    for _ in range(300):
        assert world.pull() == 0
        study = world.study()
        assert (study.state, study.attempts, study.pull, study.pulls) == (State.META_ONLY, 0, None, [])
        assert study.due == {PULL: world.clock.now() + 5_000}
        world.clock.pass_seconds(5)
    assert world.events() == ["wanted", "stable", "pull to be repeated"]
    assert world.study().why == "no room on the RAM disk: 256 MB free, 300 MB needed"
    world.plugins.refuse = lambda request: None
    assert world.pull() == 1
    assert world.events() == ["wanted", "stable", "pull to be repeated", "pull asked"]


def test_a_pull_larger_than_the_ram_disk_ends_at_once_in_a_clear_state_and_the_others_go_on(world: Pipeline) -> None:
    words = "larger than the RAM disk: 900 MB needed, the whole disk has 500 MB, 256 MB of it kept in reserve"
    world.plugins.refuse = lambda request: TooLarge(words) if request.study_uid == UID else None
    world.pacs.studies["A"] = [answer(), answer(UID + ".9", StudyTime="090000")]
    for _ in range(2):
        world.clock.pass_seconds(10)
        world.find("A", DAY)
    assert world.pull() == 1
    assert [request.study_uid for request in world.plugins.asked] == [UID + ".9"]
    study = world.study()
    assert (study.state, study.why, study.due) == (State.PULL_FAILED, words, {})
    world.clock.pass_seconds(100_000)
    assert world.pull() == 0
    world.plugins.refuse = lambda request: None  # a larger disk, and somebody asks
    world.manual({"StudyInstanceUID": UID}, "manual: me")
    assert world.pull() == 1


def test_a_pull_that_orthanc_refuses_counts_as_failed(world: Pipeline) -> None:
    world.plugins.refuse = lambda request: Refused("the receiving Orthanc", 404, "no such modality")
    world.until_stable()
    world.log.take()
    assert world.pull() == 0
    assert world.log.take()[2:] == ["orthanc move failed!", "move success: []"]
    study = world.study()
    assert (study.state, study.attempts) == (State.META_ONLY, 1)
    assert study.due == {PULL: world.clock.now() + 30_000}


def test_a_pull_that_the_plugins_never_heard_of_is_asked_again_with_the_same_id(world: Pipeline) -> None:
    world.plugins.refuse = lambda request: Unreachable("Orthanc restarts")
    world.until_stable()
    assert world.pull() == 1
    assert world.plugins.asked == []
    world.plugins.refuse = lambda request: None
    assert not world.pull.watch()
    world.clock.pass_seconds(15)
    world.log.take()
    assert world.pull.watch()
    assert world.log.take() == ["continue to pull study, amount=1"]
    pull = world.study().pull
    assert pull is not None
    assert [request.pull_id for request in world.plugins.asked] == [pull.request.pull_id]
    assert WATCH in world.study().due


def test_a_lost_report_is_asked_for(world: Pipeline) -> None:
    request = world.until_asked()
    world.clock.pass_seconds(15)
    assert world.pull.watch()
    assert world.study().state is State.PULL_DATA, "it runs"
    world.plugins.reports[request.pull_id] = PullReport("R", request.pull_id, UID, "short")
    world.clock.pass_seconds(15)
    assert world.pull.watch()
    study = world.study()
    assert study.pull is not None
    assert (study.pull.outcome, study.state) == ("short", State.META_ONLY)
    assert not world.pull.watch()


def test_a_report_before_its_notification_waits_for_it(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "received", "COMPLETE", received=100)
    assert world.study().state is State.PULL_DATA
    world.accept(world.message(request))
    study = world.study()
    assert study.state is State.PULL_DATA_END
    assert WATCH not in study.due


def test_a_notification_that_never_comes_ends_in_another_pull(world: Pipeline) -> None:
    request = world.until_asked()
    world.report(request, "received", "COMPLETE", received=100)
    world.clock.pass_seconds(600)
    assert world.pull.watch()
    assert world.study().state is State.META_ONLY
    world.clock.pass_seconds(30)
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced


def test_a_short_report_after_the_hand_over_blocks_nothing(world: Pipeline) -> None:
    """The RAM disk was emptied between the early hand-over and the end of the job: the plugins begin that pull again."""
    request = world.until_asked()
    world.accept(world.message(request))
    assert world.report(request, "short", "SHORT 3 of 100")
    study = world.study()
    assert study.state is State.PULL_DATA_END
    assert study.pull is not None
    assert study.pull.status == "ended"


def test_a_due_time_in_a_settled_state_is_taken_away(world: Pipeline) -> None:
    world.until_handed_over()
    study = world.study()
    study.schedule(PULL, world.clock.now())
    world.store.replace(study)
    assert world.pull() == 0
    assert PULL not in world.study().due
    assert world.study().state is State.PULL_DATA_END


# --- SERIES level ---


def with_series() -> Pipeline:
    world = Pipeline(switches=Switches(find_pacs_use_series=True))
    world.pacs.series["A"] = [
        series_answer(THIN, 80),
        series_answer(THICK, 20, SliceThickness="8"),
        series_answer(UID + ".3", 1, study=UID + ".77"),
    ]
    return world


def test_only_wanted_series_are_pulled_and_the_reasons_go_to_the_plugins_log() -> None:
    world = with_series()
    request = world.until_asked()
    assert (request.level, request.series_uids, request.expected_series) == ("SERIES", (THIN,), {THIN: 80})
    assert request.filtered == {THICK: "SliceThickness 8"}
    assert world.plugins.verdicts == [f"A1 P1 {UID} {THICK} filter because SliceThickness 8"]
    world.report(request, "short")
    world.clock.pass_seconds(30)
    world.pull()
    assert len(world.plugins.verdicts) == 1, "told once"


def test_a_study_of_which_every_series_is_filtered_is_settled_at_find() -> None:
    world = with_series()
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
    world = with_series()
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
    world.pacs.series["A"] = [series_answer(THIN, 80, ConvolutionKernel="B70f", SeriesTime=""), series_answer(THICK, 20)]
    request = world.until_asked()
    told = {"Modality": "CT", "BodyPartExamined": "CHEST", "ImageType": "ORIGINAL\\PRIMARY\\AXIAL", "SliceThickness": "1.0"}
    assert request.announced == {THIN: {**told, "ConvolutionKernel": "B70f"}, THICK: told}


def image_answer(series: str, number: int) -> dict[str, str]:
    return {"StudyInstanceUID": UID, "SeriesInstanceUID": series, "SOPInstanceUID": f" {series}.{number} "}


def test_where_counts_are_not_to_be_trusted_every_image_of_what_may_be_handed_over_is_asked_for(world: Pipeline) -> None:
    world.pull.prepare.by_image = {"A"}
    world.pacs.series["A"] = [series_answer(THIN, 999), series_answer(THICK, 20, SliceThickness="8")]
    world.pacs.images["A"] = [image_answer(THIN, 1), image_answer(THIN, 2), image_answer(THIN, 2), image_answer(THICK, 1)]
    request = world.until_asked()
    assert request.expected_instances == {THIN: (f"{THIN}.1", f"{THIN}.2")}
    assert (request.expected, request.expected_series) == (None, {})


def test_where_image_level_says_nothing_there_is_nothing_to_count_against(world: Pipeline) -> None:
    world.pull.prepare.by_image = {"A"}
    world.pacs.series["A"] = [series_answer(THIN, 999)]
    request = world.until_asked()
    assert (request.expected, request.expected_series, request.expected_instances) == (None, {}, {})


def test_a_short_study_is_mended_by_what_the_pacs_can_move_and_whole_where_that_did_not_help() -> None:
    world = Pipeline()
    world.pull.prepare.repair = {"A": "IMAGE"}
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
        world.pull.prepare.repair = {"A": "SERIES"}
        world.report(world.until_asked(), "short", "SHORT 90 of 100", received=90)
        world.clock.pass_seconds(600)
        world.pull()
        assert world.plugins.asked[-1].repair == "SERIES"
        world.report(world.plugins.asked[-1], outcome, received=received)
        world.clock.pass_seconds(600)
        world.pull()
        assert world.plugins.asked[-1].repair == "STUDY"


# --- by hand ---


def test_a_manual_pull_goes_to_the_front_and_says_so(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(StudyDate="20120428")]
    found = world.manual({"AccessionNumber": " A1 ", "PatientID": ""}, "manual: a doctor")
    (study,) = found["studies"]
    assert (study["studyUID"], study["studyDate"], study["pacs"]) == (UID, "2012-04-28", ["A"])
    assert (study["state"], study["settled"], study["next"]["what"]) == ("meta_only", False, "pull number 1, priority 4")
    assert (found["unpullable"], found["errors"]) == ([], {})
    assert world.log.take() == [
        "manual_find_move {'AccessionNumber': 'A1'}",
        "orthanc find query is {'AccessionNumber': 'A1', 'StudyDate': ''}",
        f"pull data manually. study_uid={UID}, study_date=2012-04-28",
    ]
    assert world.pull() == 1
    request = world.plugins.asked[-1]
    assert (request.priority, request.forced, request.level) == (MANUAL, True, "STUDY")
    assert [(entry.event, entry.by) for entry in world.study().history][1] == ("asked for by a person", "manual: a doctor")


def test_a_manual_pull_of_nothing_or_at_a_pacs_that_is_down_says_so() -> None:
    world = Pipeline(pacs=("A", "B"))
    world.pacs.errors["B", "STUDY"] = Unreachable("Orthanc does not answer")
    assert world.manual({"PatientID": "P9"}, "x") == {
        "studies": [],
        "unpullable": [],
        "errors": {"B": "Orthanc does not answer"},
    }
    assert world.log.take()[-1] == "orthanc move failed!"
    for asked in ({}, {"AccessionNumber": " "}, {"AccessionNumber": "A*"}, {"PatientID": "?"}, {"PatientID": "a\\b"}):
        with pytest.raises(MessageError):
            world.manual(asked, "x")


@pytest.mark.parametrize(
    "before",
    ["not wanted", "meta_only", "retry", "no room", "pull_data_end", "completed", "unsupported", "pull_failed", "dead_letter"],
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
    steps = [lambda: world.report(request, outcome)] + ([lambda: world.accept(message(request))] if message else [])
    for step in steps if report_first else reversed(steps):
        step()
    assert world.study().state is State.META_ONLY
    assert world.pull() == 1
    again = world.plugins.asked[-1]
    assert (again.level, again.series_uids, again.skip_filter, again.forced) == ("SERIES", (THICK,), (THICK,), True)
    world.accept(world.message(again, 20, seriesUID=THICK))
    world.report(again, "received")
    assert world.study().state is State.PULL_DATA_END
    assert world.pull() == 0


def test_a_study_asked_for_while_its_pull_runs_is_not_pulled_twice_when_it_is_handed_over(world: Pipeline) -> None:
    request = world.until_asked()
    world.manual({"StudyInstanceUID": UID}, "manual: a doctor")
    world.accept(world.message(request))
    world.report(request, "received")
    assert world.pull() == 0
    assert world.study().state is State.PULL_DATA_END


def test_after_a_named_series_growth_is_pulled_whole_again() -> None:
    world = with_series()
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
