"""
Work by hand on a known study, and what falls back when it is done.

Does not prove what people see of it on the command line (tests/unit/cli/test_cli.py) or over HTTP
(tests/unit/web).
"""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.errors import InvalidTransition, MessageError
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import EMERGENCY, MANUAL, ROUTINE
from pacs_module.domain.study.study import PUBLISH, RELEASE
from pacs_module.use_cases.operate.manual_work import Who, progress
from tests.fakes.pipeline import H1, UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY

LI = Who("manual: Dr. Li", "a phantom")


def delivered(world: Pipeline, result: str = "completed") -> None:
    world.until_handed_over()
    world.published()
    world.answers_while_waiting(result)
    world.deliver(0)


def test_a_cancelled_study_is_not_pulled_and_growth_starts_it_again(world: Pipeline) -> None:
    world.until_stable()
    told = world.work.cancel(UID, LI)
    assert told is not None
    assert (told["state"], told["settled"], told["why"]) == ("cancelled", True, "a phantom")
    assert world.pull() == 0
    assert (world.study().due, world.events()[-1], world.study().history[-1].by) == (
        {},
        "cancelled by a person",
        LI.by,
    )
    assert f"manual_work cancel {UID} by manual: Dr. Li because a phantom" in world.log.lines
    world.find("A", DAY)
    assert world.study().state is State.CANCELLED
    world.pacs.studies["A"] = [answer(count=120)]
    world.find("A", DAY)
    world.find("A", DAY)
    assert world.pull() == 1


def test_what_a_running_pull_of_a_cancelled_study_brings_is_let_go_not_computed(world: Pipeline) -> None:
    request = world.until_asked()
    world.work.cancel(UID, LI)
    assert world.accept(world.message(request))
    assert world.report(request, "received", "COMPLETE", received=100)
    study = world.study()
    assert (study.state, study.last_handover.message_state) == (State.CANCELLED, "cancelled")  # type: ignore[union-attr]
    assert study.due == {RELEASE: world.clock.now()}
    assert not world.publish()
    assert world.release()
    assert world.plugins.released == [H1]


@pytest.mark.parametrize("outcome", ["short", "failed", "nothing_new", "filtered"])
def test_a_cancelled_study_stays_so_whatever_its_running_pull_ends_in(world: Pipeline, outcome: str) -> None:
    request = world.until_asked()
    world.work.cancel(UID, LI)
    if outcome == "filtered":
        world.accept(world.filtered_message(request))
    world.report(request, outcome)
    assert (world.study().state, world.study().due) == (State.CANCELLED, {})


def test_a_cancelled_hand_over_is_delivered_no_more_and_growth_computes_it_all_the_same(
    world: Pipeline,
) -> None:
    world.until_handed_over()
    world.published()
    world.work.cancel(UID, LI)
    world.deliver(0)
    assert (world.backend.submitted, world.queue.depth()) == ([], 0)
    world.pacs.studies["A"] = [answer(count=120)]
    world.find("A", DAY)
    world.find("A", DAY)
    assert world.pull() == 1
    assert world.plugins.asked[-1].forced


def test_a_late_result_of_a_study_marked_as_done_is_kept(world: Pipeline) -> None:
    world.until_handed_over()
    world.work.done(UID, LI)
    assert world.result("completed", H1) == "recorded"
    study = world.study()
    assert (study.state, study.last_handover.result) == (State.DONE_BY_HAND, "completed")  # type: ignore[union-attr]


def test_redo_pulls_and_hands_over_again_and_the_priority_falls_back(world: Pipeline) -> None:
    delivered(world)
    world.work.redo(UID, LI)
    assert (world.study().priority, world.pull()) == (MANUAL, 1)
    request = world.plugins.asked[-1]
    assert (request.forced, request.priority) == (True, MANUAL)
    world.accept(world.message(request))
    world.report(request, "received", "COMPLETE")
    assert (world.study().state, world.study().priority) == (State.PULL_DATA_END, ROUTINE)
    world.pacs.studies["A"] = [answer(count=120)]
    world.find("A", DAY)
    world.find("A", DAY)
    world.pull()
    assert (world.plugins.asked[-1].priority, world.plugins.asked[-1].forced) == (ROUTINE, False)


def test_a_manual_pull_that_is_given_up_falls_back_too(world: Pipeline) -> None:
    world.until_asked()
    world.manual({"StudyInstanceUID": UID}, "manual: x")
    for _ in range(4):
        world.report(world.plugins.asked[-1], "failed")
        world.clock.pass_seconds(300)
        world.pull()
    assert (world.study().state, world.study().priority) == (State.PULL_FAILED, ROUTINE)


def test_another_priority_is_for_good_and_manual_is_until_it_is_done(world: Pipeline) -> None:
    world.until_stable()
    world.work.prioritise(UID, EMERGENCY, LI)
    world.work.prioritise(UID, MANUAL, LI)
    assert (world.study().priority, world.study().own_priority) == (MANUAL, EMERGENCY)
    assert world.pull() == 1
    world.accept(world.message(world.plugins.asked[-1]))
    assert world.study().priority == EMERGENCY
    world.work.prioritise(UID, ROUTINE, LI)
    assert (world.study().priority, world.study().due[PUBLISH]) == (ROUTINE, world.clock.now())
    assert world.published()["priorities"] == ROUTINE
    with pytest.raises(MessageError, match="0, 1, 2, 4"):
        world.work.prioritise(UID, 3, LI)


@pytest.mark.parametrize("who", [Who("", "why"), Who("manual: x", " ")])
def test_who_and_why_must_be_said(world: Pipeline, who: Who) -> None:
    world.until_stable()
    before = world.study()
    for ask in (world.work.redo, world.work.cancel, world.work.done):
        with pytest.raises(MessageError, match="history"):
            ask(UID, who)
    assert world.study() == before


def test_a_study_that_is_not_known_is_none(world: Pipeline) -> None:
    assert world.work.cancel("1.2.3", LI) is None


def test_what_cannot_be_is_refused_and_stands_in_the_history(world: Pipeline) -> None:
    world.until_stable(ModalitiesInStudy="MR")
    for _ in range(2):
        with pytest.raises(
            InvalidTransition, match="a study in state 'none' cannot take the event 'cancelled by a person'"
        ):
            world.work.cancel(UID, LI)
    study = world.study()
    assert study.state is None
    assert [(entry.event, entry.at) for entry in study.history[1:]] == [
        ("impossible", "2020-06-18T12:00:20.000+00:00")
    ]
    assert "a phantom" in study.history[-1].why


# --- studies without a UID ---


def nameless(**changed: Any) -> dict[str, str]:
    return answer(uid="", **changed)


def test_a_person_reopens_an_unpullable_study_when_the_pacs_tells_its_uid_now(world: Pipeline) -> None:
    world.pacs.studies["A"] = [nameless()]
    world.find("A", DAY)
    (lost,) = world.store.find({"state": "unpullable"})
    told = world.manual({"AccessionNumber": "A1"}, "manual: Dr. Li")
    assert (told["studies"], told["unpullable"][0]["accessionNumber"]) == ([], "A1")
    again = world.study(lost.study_uid)
    assert (again.state, again.history[-1].event, again.history[-1].by) == (
        State.UNPULLABLE,
        "asked for by a person",
        "manual: Dr. Li",
    )
    world.pacs.series["A"] = [series_answer(UID + ".1", 100, AccessionNumber="A1", StudyDate="20200618")]
    told = world.manual({"AccessionNumber": "A1"}, "manual: Dr. Li")
    assert [study["studyUID"] for study in told["studies"]] == [UID]
    assert world.pull() == 1
    assert world.study(lost.study_uid).state is None
    assert world.events(lost.study_uid)[-1] == "UID found another way"


def test_an_unpullable_study_that_grows_says_so(world: Pipeline) -> None:
    world.pacs.studies["A"] = [nameless()]
    world.find("A", DAY)
    (lost,) = world.store.find({"state": "unpullable"})
    world.pacs.studies["A"] = [nameless(count=120)]
    world.find("A", DAY)
    assert (world.events(lost.study_uid), world.study(lost.study_uid).count) == (
        ["no usable UID", "grew at the PACS"],
        120,
    )


def test_an_unpullable_study_can_be_closed_and_comes_back_when_asked_for(world: Pipeline) -> None:
    world.pacs.studies["A"] = [nameless()]
    world.find("A", DAY)
    (lost,) = world.store.find({"state": "unpullable"})
    world.work.cancel(lost.study_uid, LI)
    world.find("A", DAY)
    assert world.study(lost.study_uid).state is State.CANCELLED
    world.manual({"AccessionNumber": "A1"}, "manual: Dr. Li")
    assert world.study(lost.study_uid).state is State.UNPULLABLE


def test_progress_is_settled_when_nothing_more_happens_by_itself(world: Pipeline) -> None:
    request = world.until_asked()
    assert not progress(world.study())["settled"]
    world.accept(world.message(request))
    world.report(request, "received")
    assert not progress(world.study())["settled"]
    world.published()
    world.answers_while_waiting("completed")
    world.deliver(0)
    done = progress(world.study())
    assert (done["settled"], done["state"], done["handOver"], done["result"]) == (
        True,
        "completed",
        "done",
        "completed",
    )
